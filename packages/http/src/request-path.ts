import type { HttpRequest } from './framework.js'

/** Path and query as the client sent them, wherever in the app the middleware is mounted. */
export function requestPath(req: HttpRequest): string {
  const { originalUrl = req.url } = req
  if (originalUrl.startsWith('/')) return originalUrl
  // Clients that believe to speak to a proxy send the whole URL. It is cut, not parsed: that would resolve `..`, which
  // Express leaves alone, and the leader's router would take another route than ours.
  const [, path = '/'] = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*(.*)$/is.exec(originalUrl) ?? []
  return path.startsWith('/') ? path : `/${path}`
}

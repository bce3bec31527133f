import type { HttpRequest } from './framework.js'

/** Path and query as the client sent them, wherever in the app the middleware is mounted. */
export function requestPath(req: HttpRequest): string {
  return pathOf(req.originalUrl ?? req.url)
}

/** A request's path, as it was sent, and its query. */
export function splitPath(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const whole = pathOf(url)
  const at = whole.indexOf('?')
  const path = at === -1 ? whole : whole.slice(0, at)
  return { path, query: new URLSearchParams(at === -1 ? '' : whole.slice(at + 1)) }
}

/**
 * Clients that believe to speak to a proxy send the whole URL. It is cut, not parsed: that would resolve `..` and `//`, which
 * routers leave alone, so that another route would be taken than that which a guard before it, or the leader's router, sees.
 */
function pathOf(url: string): string {
  if (url.startsWith('/')) return url
  const [, path = '/'] = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*(.*)$/is.exec(url) ?? []
  return path.startsWith('/') ? path : `/${path}`
}

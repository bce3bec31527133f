import type { Request } from 'express'

/** Path and query as the client sent them, wherever in the app the middleware is mounted. */
export function requestPath(req: Request): string {
  const { originalUrl } = req
  if (originalUrl.startsWith('/')) return originalUrl
  // Clients that believe to speak to a proxy send the whole URL.
  if (!URL.canParse(originalUrl)) return '/'
  const { pathname, search } = new URL(originalUrl)
  return pathname + search
}

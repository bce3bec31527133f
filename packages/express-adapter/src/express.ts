import type { Framework } from '@leasehold/http'
import type { Request } from 'express'

/** What Express, 4 or 5, knows of a request. */
export const EXPRESS: Framework<Request> = {
  requestOf: (req) => req as Request,
  urlOf: (req) => req.url,
  routeOf(req) {
    const { route, baseUrl } = req as Request
    const { path } = (route as { path?: string | RegExp | (string | RegExp)[] } | undefined) ?? {}
    return path === undefined ? undefined : `${baseUrl}${String(path)}`
  },
  isSecure: (req) => (req as Request).secure,
  isOutsider(req) {
    const { app, socket } = req as Request
    if (!app.get('trust proxy')) return false
    const trusts = app.get('trust proxy fn') as (address: string | undefined, hop: number) => boolean
    return !trusts(socket.remoteAddress, 0)
  },
}

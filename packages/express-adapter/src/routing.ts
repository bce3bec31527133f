import * as http from '@leasehold/http'
import type { Request, RequestHandler } from 'express'
import { EXPRESS } from './express.js'
import { warmUp } from './warm-up.js'

declare global {
  namespace Express {
    interface Request {
      /** Writes of this request; see `RequestWrites`. */
      leasehold?: http.RequestWrites
    }
  }
}

/**
 * Picks requests: by a path prefix that ends where a segment ends (`'/hooks'` is `/hooks` and `/hooks/a`, not
 * `/hooksy`), by a pattern for the path, or by a function. Paths are those that the client sent, without the query,
 * also when `routeWrites` is mounted under a sub-path.
 */
export type RequestMatch = http.RequestMatch<Request>

/** Options of `routeWrites`. Durations are in milliseconds, sizes in bytes. */
export interface RouteWritesOptions extends http.RouteWritesOptions<Request> {}

/**
 * Middleware that takes every write to the instance that leads, wherever it arrived; reads are served where they are.
 * While no leader is known, writes wait for one.
 *
 * Mount it once, before body parsers: then bodies pass byte for byte. Behind them, JSON and URL-encoded bodies are
 * written down again, and a multipart body that was read is an error (`BODY_CONSUMED`). Replies of this instance carry
 * `Leasehold-Position`, `Leasehold-Served-By` and `Leasehold-Leader`; those of the leader keep the leader's.
 *
 * What it answers itself is JSON `{ error: { code, message } }`: 503 `NO_LEADER` if none was found in time (the request
 * surely did not run), 504 `OUTCOME_UNKNOWN` with a `requestId` if the leader took the request and never answered.
 *
 * @throws OptionsError that lists every problem
 * @example
 * ```ts
 * app.use('/cluster', clusterRouter(node))
 * app.use(routeWrites(node))
 * app.use(express.json())
 * app.post('/transfer', async (req, res) => res.json(await node.write('transfer', req.body)))
 * app.use(clusterErrors(node))
 * ```
 */
export function routeWrites(node: http.AdapterNode, options: RouteWritesOptions = {}): RequestHandler {
  const route = http.routeWrites(node, EXPRESS, options)
  void warmUp()
  return route
}

import * as http from '@leasehold/http'
import type { Request, RequestHandler } from 'express'
import { EXPRESS } from './express.js'

/** Options of `consistentReads`. */
export interface ConsistentReadsOptions extends http.ConsistentReadsOptions<Request> {}

/**
 * Middleware that lets a read pass once this replica is as fresh as the read asks for, on whichever instance it arrives.
 *
 * Every reply carries `Leasehold-Position`, and a cookie says the same, so that a client that comes back, to this instance
 * or another one, sees at least what it has seen before (G8): its own writes, and what it has read. A position that the
 * log does not have is told with 409 `LINEAGE_LOST`, and the cookie is taken back. A read for which this replica is not
 * fresh enough in time goes to the leader, as `routeWrites` takes a write there; if that is of no use either the answer is
 * 504 `LAGGING`.
 *
 * Mount it behind `routeWrites` and before the routes.
 *
 * @throws OptionsError that lists every problem
 * @example
 * ```ts
 * app.use(routeWrites(node))
 * app.use(consistentReads(node)) // or { consistency: (req) => (req.path === '/balance' ? 'linearizable' : 'session') }
 * ```
 */
export function consistentReads(
  node: http.AdapterNode,
  options: ConsistentReadsOptions = {},
): RequestHandler {
  return http.consistentReads(node, EXPRESS, options)
}

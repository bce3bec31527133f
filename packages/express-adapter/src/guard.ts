import * as http from '@leasehold/http'
import type { RequestHandler } from 'express'

/**
 * Guard for single routes: 503 `NOT_LEADER` unless this instance leads. It does not forward; for that there is
 * `routeWrites`. Leadership can end while the handler runs: what must not happen twice belongs in `node.write`, or
 * checks the term.
 *
 * @example
 * ```ts
 * app.get('/report', leaderOnly(node), (req, res) => res.json(report()))
 * ```
 */
export function leaderOnly(node: http.AdapterNode): RequestHandler {
  return http.leaderOnly(node)
}

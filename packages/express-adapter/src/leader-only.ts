import { NotLeaderError } from '@leasehold/core'
import type { RequestHandler } from 'express'
import type { AdapterNode } from './adapter-node.js'
import { describeReply } from './headers.js'
import { sendError } from './replies.js'

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
export function leaderOnly(node: AdapterNode): RequestHandler {
  return (_req, res, next) => {
    if (node.isLeader) return next()
    describeReply(node, res)
    sendError(res, new NotLeaderError(node.leader))
  }
}

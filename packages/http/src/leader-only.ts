import { NotLeaderError } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import type { Handler } from './framework.js'
import { describeReply } from './headers.js'
import { sendError } from './replies.js'

/**
 * Guard for single routes: 503 `NOT_LEADER` unless this instance leads. It does not forward; for that there is
 * `routeWrites`. Leadership can end while the handler runs: what must not happen twice belongs in `node.write`, or
 * checks the term.
 */
export function leaderOnly(node: AdapterNode): Handler {
  return (_req, res, next) => {
    if (node.isLeader) return next()
    describeReply(node, res)
    sendError(res, new NotLeaderError(node.leader))
  }
}

import { LeaseholdError } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import type { HttpRequest } from './framework.js'
import { headerSafe, LEADER } from './headers.js'
import { type ErrorAnswer, errorAnswer } from './replies.js'
import { SAFE_METHODS } from './route-options.js'

/**
 * What to answer to an error that a handler has thrown: status, headers and JSON `{ error: { code, message } }`. Undefined
 * for an error that is not one of this library's.
 *
 * 503 with `Retry-After` means that nothing happened and a retry is fine. 504 `OUTCOME_UNKNOWN` means that the write may
 * have happened: its `opId` or `requestId` is in the body.
 */
export function clusterErrors(
  node: AdapterNode,
): (error: unknown, req: HttpRequest) => ErrorAnswer | undefined {
  return (error, req) => {
    if (!(error instanceof LeaseholdError)) return undefined
    const notLeader = error.code === 'NOT_LEADER'
    const wroteUnrouted = notLeader && SAFE_METHODS.has(req.method) && !req.leasehold
    const answer = errorAnswer(error, {
      requestId: req.leasehold?.requestId,
      ...(wroteUnrouted && { message: `${req.method} ${UNROUTED}` }),
    })
    const leader = notLeader && node.leader ? { [LEADER]: headerSafe(node.leader.id) } : {}
    return { ...answer, headers: { ...answer.headers, ...leader } }
  }
}

const UNROUTED =
  'requests are served where they arrive, and this one writes on an instance that is not the leader. ' +
  'Nothing was done. Use another method, or name its path in alwaysForward of routeWrites.'

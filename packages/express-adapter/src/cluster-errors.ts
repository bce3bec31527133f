import { LeaseholdError } from '@leasehold/core'
import type { ErrorRequestHandler } from 'express'
import type { AdapterNode } from './adapter-node.js'
import { headerSafe, LEADER } from './headers.js'
import { sendError } from './replies.js'
import { SAFE_METHODS } from './route-options.js'

/**
 * Error handler that turns this library's errors into a status and JSON `{ error: { code, message } }`; all others go on
 * to the next error handler. Mount it after the routes.
 *
 * 503 with `Retry-After` means that nothing happened and a retry is fine. 504 `OUTCOME_UNKNOWN` means that the write may
 * have happened: its `opId` or `requestId` is in the body. Express 4 does not catch what an async handler throws; pass
 * it to `next` there.
 *
 * @example
 * ```ts
 * app.use(clusterErrors(node)) // last
 * ```
 */
export function clusterErrors(node: AdapterNode): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (!(error instanceof LeaseholdError) || res.headersSent) return next(error)
    if (error.code === 'NOT_LEADER' && node.leader) res.setHeader(LEADER, headerSafe(node.leader.id))
    const wroteUnrouted = error.code === 'NOT_LEADER' && SAFE_METHODS.has(req.method) && !req.leasehold
    sendError(res, error, {
      requestId: req.leasehold?.requestId,
      ...(wroteUnrouted && { message: `${req.method} ${UNROUTED}` }),
    })
  }
}

const UNROUTED =
  'requests are served where they arrive, and this one writes on an instance that is not the leader. ' +
  'Nothing was done. Use another method, or name its path in alwaysForward of routeWrites.'

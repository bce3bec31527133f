import * as http from '@leasehold/http'
import type { ErrorRequestHandler } from 'express'

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
export function clusterErrors(node: http.AdapterNode): ErrorRequestHandler {
  const answerTo = http.clusterErrors(node)
  return (error: unknown, req, res, next) => {
    const answer = res.headersSent ? undefined : answerTo(error, req)
    if (answer) http.sendAnswer(res, answer)
    else next(error)
  }
}

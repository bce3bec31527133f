import * as http from '@leasehold/http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** An error handler as `app.setErrorHandler` takes it. */
export type ErrorHandler = (
  this: FastifyInstance,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
) => unknown

/** What the handler that failed may have said of another reply. */
const OF_ANOTHER_REPLY = ['content-encoding', 'content-language', 'content-range', 'etag', 'last-modified']

/**
 * Error handler that answers this library's errors with a status and JSON `{ error: { code, message } }`. The plugin sets it;
 * with an error handler of your own, say `errors: false` there and wrap yours.
 *
 * 503 with `Retry-After` means that nothing happened and a retry is fine. 504 `OUTCOME_UNKNOWN` means that the write may
 * have happened: its `opId` or `requestId` is in the body.
 *
 * @param otherwise answers all other errors. Default: the error handler of the scope around this one
 * @example
 * ```ts
 * await app.register(leasehold, { node, errors: false })
 * app.setErrorHandler(clusterErrors(node, (error, request, reply) => reply.code(500).send('Oh no')))
 * ```
 */
export function clusterErrors(node: http.AdapterNode, otherwise?: ErrorHandler): ErrorHandler {
  const answerTo = http.clusterErrors(node)
  return function (error, request, reply) {
    const answer = answerTo(error, request.raw as http.HttpRequest)
    if (!answer) {
      if (otherwise) return otherwise.call(this, error, request, reply)
      throw error
    }
    for (const name of OF_ANOTHER_REPLY) reply.removeHeader(name)
    return reply
      .code(answer.status)
      .headers({ ...answer.headers, 'Cache-Control': 'no-store' })
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(answer.body)) // as a text: the route's schema may know other replies only
  }
}

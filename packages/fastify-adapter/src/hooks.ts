import * as http from '@leasehold/http'
import type { onRequestHookHandler, preHandlerHookHandler } from 'fastify'
import { runHandler } from './fastify.js'

/** A handler as a hook for every request, but for those of routes with `config: { leasehold: false }`. */
export function onRequest(handler: http.Handler): onRequestHookHandler {
  return (request, reply, done) => {
    if (request.routeOptions.config?.leasehold === false) return done()
    runHandler(handler, request, reply, done as http.Next)
  }
}

/**
 * Guard for single routes, as a `preHandler`: 503 `NOT_LEADER` unless this instance leads. It does not forward; writes are
 * forwarded anyway. Leadership can end while the handler runs: what must not happen twice belongs in `node.write`, or checks
 * the term.
 *
 * @example
 * ```ts
 * app.get('/report', { preHandler: leaderOnly(node) }, () => report())
 * ```
 */
export function leaderOnly(node: http.AdapterNode): preHandlerHookHandler {
  const handler = http.leaderOnly(node)
  return (request, reply, done) => runHandler(handler, request, reply, done as http.Next)
}

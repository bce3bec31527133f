import * as http from '@leasehold/http'
import type { FastifyInstance } from 'fastify'

/**
 * Takes an instance down without losing a request, on SIGTERM or SIGINT: `/readyz` fails → `delayMs` → the node stops
 * and hands its lease over, while requests are still served or forwarded → the other instances learn of the next leader and
 * close their connections (2 s at most) → no new connections, idle ones closed → what is in flight ends → `app.close()`, with
 * the hooks of your plugins → the process ends with exit code 0 by having nothing left to do. Further signals change nothing;
 * the deadline bounds it all but your hooks.
 *
 * This is the only place where the library touches signals, and it does so only when called.
 *
 * @returns a function that takes the signal handlers away again
 * @throws OptionsError that lists every problem
 * @example
 * ```ts
 * await app.listen({ port: 3000 })
 * gracefulShutdown(app, node)
 * ```
 */
export function gracefulShutdown(
  app: FastifyInstance,
  node: http.AdapterNode,
  options: http.GracefulShutdownOptions = {},
): () => void {
  return http.gracefulShutdown(app.server, node, options, () => app.close())
}

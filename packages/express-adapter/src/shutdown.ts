import type { Server } from 'node:http'
import * as http from '@leasehold/http'

/**
 * Takes an instance down without losing a request, on SIGTERM or SIGINT: `/readyz` fails → `delayMs` → the node stops
 * and hands its lease over, while requests are still served or forwarded → the other instances learn of the next leader and
 * close their connections (2 s at most) → no new connections, idle ones closed → what is in flight ends → the process ends
 * with exit code 0 by having nothing left to do. Further signals change nothing; the deadline bounds it all.
 *
 * This is the only place where the library touches signals, and it does so only when called.
 *
 * @returns a function that takes the signal handlers away again
 * @throws OptionsError that lists every problem
 * @example
 * ```ts
 * const server = app.listen(3000)
 * gracefulShutdown(server, node)
 * ```
 */
export function gracefulShutdown(
  server: Server,
  node: http.AdapterNode,
  options: http.GracefulShutdownOptions = {},
): () => void {
  return http.gracefulShutdown(server, node, options)
}

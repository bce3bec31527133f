import * as http from '@leasehold/http'
import type { Request, RequestHandler } from 'express'
import { EXPRESS } from './express.js'

/** Options of `clusterRouter`. */
export interface ClusterRouterOptions extends http.ClusterRouterOptions<Request> {}

/**
 * Health, status and administration of an instance, for load balancers, orchestrators and people. The status code is
 * the answer, the JSON body the detail. Every instance answers for itself, whoever leads: mount it before `routeWrites`.
 *
 * | request | 200 if |
 * |---|---|
 * | `GET /livez` | the control loop runs; Redis is not asked |
 * | `GET /readyz?maxLag=&maxLagMs=` | it leads, or its replica is in step (entries, default 1000; ms, default 10000) |
 * | `GET /leader` | it leads |
 * | `GET /replica?maxLag=&maxLagMs=` | it does not lead and its replica is in step |
 * | `GET /status` | always: this instance, and the group as Redis has it |
 * | `GET /metrics` | `prom-client` is installed: this instance in numbers, for Prometheus |
 * | `GET /` | always: the dashboard, a page that shows `/status` |
 * | `GET /permissions` | always: whether `authorize` lets this client steer |
 *
 * For operators, where `authorize` lets them, on any instance; fields as query or as JSON, no body parser is needed:
 *
 * | request | what it does |
 * |---|---|
 * | `POST /switchover` (`to`, `timeoutMs`) | as `node.switchover`; answers with the new leader once that serves |
 * | `POST /pause` (`forMs`), `POST /resume` | as `node.pause` and `node.resume` |
 *
 * @example
 * ```ts
 * const token = process.env.ADMIN_TOKEN // not set: nobody may steer
 * const authorize = (req: Request) => token !== undefined && req.get('X-Admin-Token') === token
 * app.use('/cluster', clusterRouter(node, { authorize }))
 * ```
 */
export function clusterRouter(node: http.AdapterNode, options: ClusterRouterOptions = {}): RequestHandler {
  return http.clusterRouter(node, EXPRESS, options)
}

import type { ServerResponse } from 'node:http'
import { LeaseholdError } from '@leasehold/core'
import type { MetricsRegistry } from '@leasehold/core/metrics'
import type { AdapterNode } from './adapter-node.js'
import { crossSiteMessage, isCrossSite } from './cross-site.js'
import { dashboard } from './dashboard/dashboard.js'
import type { Framework, Handler, HttpRequest } from './framework.js'
import { groupReport } from './group-report.js'
import { type Health, isAlive, isLeading, isReady, isReplica, type LagBounds, parseBounds } from './health.js'
import { metricsReply } from './metrics-reply.js'
import { sendError, sendJson } from './replies.js'
import { splitPath } from './request-path.js'
import { isShuttingDown } from './shutting-down.js'
import { steering } from './steering.js'

/** Options of `clusterRouter`. */
export interface ClusterRouterOptions<Req = HttpRequest> {
  /**
   * Decides who may `POST` to `/switchover`, `/pause` and `/resume`. Without it nobody may. The dashboard asks it by
   * `GET /permissions`, so that it offers what it may do: look at the request's credentials, not at its method.
   */
  authorize?: (req: Req) => boolean | Promise<boolean>
  /** Whether `GET /` is a page that shows the group. Default: true. */
  dashboard?: boolean
  /** For how long the control loop may stand still before `/livez` fails, in ms. Default: the larger of 10000 and twice the lease's time to live. */
  maxIdleMs?: number
  /**
   * A registry of `prom-client` that `/metrics` shows, and to which this node's metrics are added. Default: one of its own,
   * with nothing else.
   */
  registry?: MetricsRegistry
}

type Answer = (req: HttpRequest, res: ServerResponse, query: URLSearchParams) => void | Promise<void>

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
 */
export function clusterRouter<Req>(
  node: AdapterNode,
  framework: Framework<Req>,
  options: ClusterRouterOptions<Req> = {},
): Handler {
  const maxIdleMs = options.maxIdleMs ?? Math.max(10_000, 2 * node.leaseTtlMs)
  const metrics = metricsReply(node, options.registry)
  const { authorize } = options
  const maySteer = authorize && ((req: HttpRequest) => authorize(framework.requestOf(req)))
  const get: Record<string, Answer> = {
    '/livez': (_req, res) => sendHealth(res, isAlive(node.status(), maxIdleMs)),
    '/readyz': withBounds((bounds) => isReady(node.status(), bounds, isShuttingDown(node))),
    '/leader': (_req, res) => sendHealth(res, isLeading(node.status())),
    '/replica': withBounds((bounds) => isReplica(node.status(), bounds, isShuttingDown(node))),
    '/status': async (_req, res) =>
      sendJson(res, 200, { instance: node.status(), ...(await groupReport(node)) }),
    '/metrics': (_req, res) => metrics(res),
    '/permissions': async (req, res) =>
      sendJson(res, 200, { steer: Boolean(await maySteer?.(req)), closed: maySteer === undefined }),
    ...(options.dashboard !== false && dashboard()),
  }
  const post: Record<string, Answer> = Object.fromEntries(
    Object.entries(steering(node)).map(([path, answer]) => [path, guarded(maySteer, answer)]),
  )

  return (req, res, next) => {
    const { path: asked, query } = splitPath(framework.urlOf(req))
    const path = asked.length > 1 ? asked.replace(/\/$/, '') : asked
    const [answers, allowed] = Object.hasOwn(get, path) ? [get, 'GET, HEAD'] : [post, 'POST']
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined
    if (!answer) return next()
    if (!allowed.split(', ').includes(req.method)) {
      res.setHeader('Allow', allowed)
      return sendJson(res, 405, {
        error: { code: 'METHOD_NOT_ALLOWED', message: `${path} answers ${allowed}.` },
      })
    }
    Promise.resolve(answer(req, res, query)).catch((error: unknown) => {
      if (error instanceof LeaseholdError) sendError(res, error)
      else next(error)
    })
  }
}

function sendHealth(res: ServerResponse, health: Health) {
  sendJson(res, health.ok ? 200 : 503, health)
}

function withBounds(check: (bounds: LagBounds) => Health): Answer {
  return (_req, res, query) => {
    const bounds = parseBounds(query)
    if (typeof bounds !== 'string') return sendHealth(res, check(bounds))
    sendJson(res, 400, { error: { code: 'BAD_REQUEST', message: bounds } })
  }
}

function guarded(authorize: ClusterRouterOptions['authorize'], answer: Answer): Answer {
  return async (req, res, query) => {
    if (isCrossSite(req)) return forbid(res, 'CROSS_SITE', crossSiteMessage)
    if (authorize && (await authorize(req))) return answer(req, res, query)
    const message = authorize ? 'Not authorized.' : 'Closed: clusterRouter was given no authorize function.'
    forbid(res, 'FORBIDDEN', message)
  }
}

function forbid(res: ServerResponse, code: string, message: string): void {
  sendJson(res, 403, { error: { code, message } })
}

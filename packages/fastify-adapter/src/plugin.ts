import { OptionsError } from '@leasehold/core'
import * as http from '@leasehold/http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { type ClusterOptions, serveCluster } from './cluster.js'
import { clusterErrors } from './error-handler.js'
import { FASTIFY } from './fastify.js'
import { onRequest } from './hooks.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Writes of this request; see `RequestWrites`. */
    readonly leasehold: http.RequestWrites | undefined
  }

  interface FastifyContextConfig {
    /** `false`: requests of this route are served where they arrive, whatever they are, and nothing waits for anything. */
    leasehold?: false
  }
}

/** Picks requests: by a path prefix, a pattern for the path, or a function; see `RouteWritesOptions`. */
export type RequestMatch = http.RequestMatch<FastifyRequest>

/** Options of `routeWrites`. Durations are in milliseconds, sizes in bytes. */
export interface RouteWritesOptions extends http.RouteWritesOptions<FastifyRequest> {}

/** Options of `consistentReads`. */
export interface ConsistentReadsOptions extends http.ConsistentReadsOptions<FastifyRequest> {}

/** Options of the plugin. */
export interface LeaseholdOptions {
  /** The node of this instance. The plugin neither starts nor, unless `stopNode` says so, stops it. */
  node: http.AdapterNode
  /** How writes get to the leader; `false` if they are not to. Default: forwarded. */
  routeWrites?: RouteWritesOptions | false
  /** How fresh reads are; `false` if they are as fresh as they happen to be. Default: `'session'`, for a node with a state machine. */
  consistentReads?: ConsistentReadsOptions | false
  /** Health, status and administration; `false` for none. Default: below `/cluster`, without administration. */
  cluster?: ClusterOptions | false
  /** Whether to answer this library's errors, by `setErrorHandler` of the scope; see `clusterErrors`. Default true. */
  errors?: boolean
  /** Whether `app.close()` stops the node, before anything is closed. Default false. */
  stopNode?: boolean
}

/**
 * Fastify plugin that makes an app one of several instances with one leader: every write goes to the instance that leads,
 * wherever it arrived, before Fastify has parsed its body; reads are served where they are, as fresh as they ask for. It is
 * not encapsulated: it holds for the scope in which it is registered, and for those within.
 *
 * In a handler `node.write` knows which request it is part of; `request.leasehold` is for callbacks that lose that context.
 *
 * @throws OptionsError that lists every problem, when the app gets ready
 * @example
 * ```ts
 * const token = process.env.ADMIN_TOKEN // not set: nobody may steer
 * const authorize = (request: FastifyRequest) => token !== undefined && request.headers['x-admin-token'] === token
 * await app.register(leasehold, { node, cluster: { authorize } })
 * app.post('/transfer', async (request) => node.write('transfer', request.body as Transfer))
 * ```
 */
export const leasehold = fastifyPlugin(
  async (app: FastifyInstance, options: LeaseholdOptions) => {
    const { node, errors = true, stopNode = false, cluster = {} } = checked(app, options)
    const { routeWrites = {}, consistentReads = node.reach ? {} : false } = options
    if (!app.hasRequestDecorator('leasehold')) {
      app.decorateRequest('leasehold', {
        getter() {
          return (this.raw as http.HttpRequest).leasehold
        },
      })
    }
    if (errors) app.setErrorHandler(clusterErrors(node, app.errorHandler))
    if (cluster) await serveCluster(app, node, cluster)
    if (routeWrites) app.addHook('onRequest', onRequest(http.routeWrites(node, FASTIFY, routeWrites)))
    if (consistentReads)
      app.addHook('onRequest', onRequest(http.consistentReads(node, FASTIFY, consistentReads)))
    if (stopNode) app.addHook('preClose', () => http.leaveGroup(node))
  },
  { name: '@leasehold/fastify', fastify: '5.x' },
)

function checked(app: FastifyInstance, options: LeaseholdOptions): LeaseholdOptions {
  const problems: string[] = []
  if (typeof options.node?.status !== 'function') problems.push('node must be a node of @leasehold/core')
  if ('http2' in app.initialConfig && app.initialConfig.http2)
    problems.push('Fastify serves HTTP/2: requests can be forwarded over HTTP/1.1 only')
  if (problems.length > 0) throw new OptionsError(problems)
  return options
}

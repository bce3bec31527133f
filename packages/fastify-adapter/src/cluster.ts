import { clusterRouter, type ClusterRouterOptions } from '@leasehold/http'
import type { AdapterNode, Framework } from '@leasehold/http'
import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { FASTIFY, runHandler } from './fastify.js'

/** Options of `/cluster`. */
export interface ClusterOptions extends ClusterRouterOptions<FastifyRequest> {
  /** Where health, status and administration are. Default `/cluster`. */
  prefix?: string
}

/** All but OPTIONS, which belongs to whoever answers for other origins. */
const METHODS = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT']

/** What of the path stands behind the prefix. */
const BELOW_PREFIX: Framework<FastifyRequest> = {
  ...FASTIFY,
  urlOf(req) {
    const { '*': path = '' } = FASTIFY.requestOf(req).params as { '*'?: string }
    return `/${path}${req.url.replace(/^[^?]*/, '')}`
  },
}

/** Serves health, status and administration below the prefix, on each instance for itself. */
export async function serveCluster(app: FastifyInstance, node: AdapterNode, options: ClusterOptions) {
  const { prefix = '/cluster', ...rest } = options
  const router = clusterRouter(node, BELOW_PREFIX, rest)
  const handler: RouteHandlerMethod = (request, reply) =>
    runHandler(router, request, reply, (error) => {
      if (error) reply.send(error)
      else reply.callNotFound()
    })
  await app.register(
    async (scope) => {
      // The handlers read bodies themselves.
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
      for (const url of ['/', '/*'])
        scope.route({ method: METHODS, url, config: { leasehold: false }, handler })
    },
    { prefix },
  )
}

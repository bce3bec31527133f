import { leasehold, type LeaseholdOptions } from '@leasehold/fastify'
import fastify, { type FastifyInstance } from 'fastify'
import { elect, type Instance } from '../../../express-adapter/test/support/instances.js'
import { ReplicaNode } from '../../../express-adapter/test/support/replica-node.js'

/** A Fastify app with a stand-in node. */
export interface FastifyApp extends Instance<ReplicaNode> {
  readonly app: FastifyInstance
}

const apps = new Set<FastifyInstance>()

/** Starts an app on a free port, by default as a follower that knows no leader. */
export async function startApp(
  id: string,
  options: Partial<LeaseholdOptions>,
  mount: (app: FastifyInstance, node: ReplicaNode) => unknown = () => {},
  settings: { trustProxy?: string } = {},
): Promise<FastifyApp> {
  const node = new ReplicaNode(id)
  const app = fastify({ forceCloseConnections: true, ...settings })
  apps.add(app)
  await app.register(leasehold, { node: node.asNode, ...options })
  await mount(app, node)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  node.url = url
  return { app, node, server: app.server, url, port: Number(new URL(url).port) }
}

/** What an app serves. */
export type Mount = (app: FastifyInstance, node: ReplicaNode) => unknown

/** Says who served it, what was made of the body, and by what name a write was known. */
export const echo: Mount = (app, node) => {
  app.all('/*', async (request, reply) => {
    const opId = request.method === 'POST' ? await node.write() : undefined
    reply.header('x-handler', node.id)
    return { by: node.id, body: request.body, opId, requestId: request.leasehold?.requestId }
  })
}

/** As `startApp`, with an app that says what it got. */
export const start = (id: string, options: Partial<LeaseholdOptions> = {}, mount: Mount = echo) =>
  startApp(id, options, mount)

/** A leader and a follower that know each other. */
export async function pair(options: Partial<LeaseholdOptions> = {}, mount: Mount = echo) {
  const [leader, follower] = await Promise.all([
    start('leader', options, mount),
    start('follower', options, mount),
  ])
  elect(3, leader, follower)
  return { leader, follower }
}

/** Closes whatever was started. */
export async function closeApps(): Promise<void> {
  await Promise.all([...apps].map((app) => app.close()))
  apps.clear()
}

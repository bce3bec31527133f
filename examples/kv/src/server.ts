import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createNode, LeaseholdError } from '@leasehold/core'
import {
  clusterErrors,
  clusterRouter,
  consistentReads,
  gracefulShutdown,
  routeWrites,
} from '@leasehold/express'
import express from 'express'
import { kv } from './machine.js'
import { badRequests, consistencyOf, kvRoutes } from './routes.js'
import { inUrl, readSettings } from './settings.js'

const settings = readSettings(process.env)

const node = createNode({
  group: settings.group,
  ...(settings.name !== undefined && { name: settings.name }),
  redis: settings.redis,
  lease: {
    ...(settings.leaseRedis && { redis: settings.leaseRedis }),
    ...(settings.ttlMs !== undefined && { ttlMs: settings.ttlMs }),
  },
  stateMachine: kv,
})
if (settings.log) {
  for (const event of [
    'elected',
    'demoted',
    'leaderChanged',
    'caughtUp',
    'diverged',
    'logLost',
    'warning',
  ] as const) {
    node.on(event, (details) => console.error(`${node.name} ${event} ${JSON.stringify(details)}`))
  }
}

/** Whether a request may steer the group. Who signs in on the dashboard shows the token as a bearer. */
function authorize(req: express.Request): boolean {
  return [req.get('x-admin-token'), req.get('authorization')?.replace(/^Bearer /, '')].includes(
    settings.adminToken,
  )
}

const app = express()
app.disable('x-powered-by')
app.use('/cluster', clusterRouter(node, settings.adminToken === undefined ? {} : { authorize }))
app.use(routeWrites(node))
app.use(consistentReads(node, { consistency: consistencyOf }))
app.use(express.json())
app.use(kvRoutes(node, settings.writeConcern))
app.use(clusterErrors(node))
app.use(badRequests)

// The server listens before the node starts: the others can reach this instance from the moment it leads.
const server = app.listen({ port: settings.port, host: settings.bind })
await once(server, 'listening')
const url = `http://${inUrl(settings.host)}:${(server.address() as AddressInfo).port}`
node.setUrl(url, url)
gracefulShutdown(server, node)
try {
  await node.start()
  console.log(`listening ${url}`)
} catch (error) {
  const wasStopped = error instanceof LeaseholdError && error.code === 'STOPPED' // by a signal: nothing went wrong
  if (!wasStopped) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
  server.close()
  server.closeAllConnections()
}

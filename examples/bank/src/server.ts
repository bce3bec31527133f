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
import { bank } from './machine.js'
import { customerOf, refusals } from './requests.js'
import { bankRoutes } from './routes.js'
import { readSettings } from './settings.js'

const settings = readSettings(process.env)

const node = createNode({
  group: settings.group,
  redis: settings.redis,
  lease: {
    ...(settings.leaseRedis && { redis: settings.leaseRedis }),
    ...(settings.ttlMs !== undefined && { ttlMs: settings.ttlMs }),
  },
  stateMachine: bank,
})
node.on('elected', ({ term }) => console.error(`leads in term ${term}`))
node.on('demoted', ({ reason }) => console.error(`leads no more: ${reason}`))
node.on('warning', ({ code, message }) => console.error(`${code}: ${message}`))

const app = express()
app.disable('x-powered-by')
app.use('/cluster', clusterRouter(node))
app.use(routeWrites(node, { identify: customerOf }))
app.use(consistentReads(node)) // no older than what the customer has seen, by the cookie that this sets
app.use(express.json())
app.use(bankRoutes(node))
app.use(clusterErrors(node))
app.use(refusals)

// The server listens before the node starts: the others can reach this instance from the moment it leads.
const server = app.listen(settings.port, settings.host)
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const url = `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`
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

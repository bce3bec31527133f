import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createNode } from '@leasehold/core'
import { clusterErrors, clusterRouter, gracefulShutdown, routeWrites } from '@leasehold/express'
import express from 'express'
import { counters } from './machine.js'
import { QueueBoard } from './queue-board.js'

const { PORT = '3000', REDIS_URL = 'redis://127.0.0.1:6379', GROUP = 'counters' } = process.env
const { NAME, LEASE_TTL_MS, HEARTBEAT_MS = '1000' } = process.env

const node = createNode({
  group: GROUP,
  redis: REDIS_URL,
  heartbeatMs: Number(HEARTBEAT_MS),
  ...(NAME && { name: NAME }),
  ...(LEASE_TTL_MS && { lease: { ttlMs: Number(LEASE_TTL_MS) } }),
  stateMachine: counters,
})
const board = new QueueBoard({
  source: node,
  redis: REDIS_URL,
  path: '/queues',
  everyMs: Number(HEARTBEAT_MS),
})

const app = express()
app.use('/cluster', clusterRouter(node))
app.use('/queues', board.router) // before routeWrites, for it is this instance that is asked; put your own check in front
app.use(routeWrites(node))
app.post('/counts/:name', async (req, res) => {
  res.json({ count: await node.write('increment', { name: req.params.name }) })
})
app.get('/counts/:name', (req, res) => {
  res.json({ count: node.read((state) => state.counts[`=${req.params.name}`] ?? 0) })
})
app.use(clusterErrors(node))

const server = app.listen(Number(PORT), '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
node.setUrl(url, url)
gracefulShutdown(server, node)
server.once('close', () => void board.close())
try {
  await node.start()
  console.log(`listening ${url}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
  server.close()
  server.closeAllConnections()
}

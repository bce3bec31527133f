import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createNode } from '@leasehold/core'
import {
  clusterErrors,
  clusterRouter,
  consistentReads,
  gracefulShutdown,
  routeWrites,
} from '@leasehold/express'
import express from 'express'
import { board } from './machine.js'
import { feedRoutes, noteRoutes } from './routes.js'

const { PORT = '3000', REDIS_URL = 'redis://127.0.0.1:6379', GROUP = 'board', LEASE_TTL_MS } = process.env

const node = createNode({
  group: GROUP,
  redis: REDIS_URL,
  ...(LEASE_TTL_MS && { lease: { ttlMs: Number(LEASE_TTL_MS) } }),
  stateMachine: board,
})

const app = express()
app.use('/cluster', clusterRouter(node))
// A page from one instance goes on at another one when that is gone.
app.use((req, res, next) => {
  res.set({ 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' })
  if (req.method === 'OPTIONS') res.set('access-control-allow-methods', 'GET, POST, DELETE').sendStatus(204)
  else next()
})
app.use(express.static(fileURLToPath(new URL('../public', import.meta.url))))
app.use(feedRoutes(node)) // before consistentReads: a feed says by itself what its client has seen
app.use(routeWrites(node))
app.use(consistentReads(node))
app.use(express.json())
app.use(noteRoutes(node))
app.use(clusterErrors(node))

const server = app.listen(Number(PORT), '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
node.setUrl(url, url)
gracefulShutdown(server, node)
try {
  await node.start()
  console.log(`listening ${url}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
  server.close()
  server.closeAllConnections()
}

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createNode } from '@leasehold/core'
import {
  clusterErrors,
  clusterRouter,
  consistentReads,
  gracefulShutdown,
  routeWrites,
} from '@leasehold/express'
import express from 'express'
import { catalogue, slot } from './machine.js'
import { productIn } from './requests.js'

const { PORT = '3000', REDIS_URL = 'redis://127.0.0.1:6379', GROUP = 'catalogue', LEASE_TTL_MS } = process.env

const node = createNode({
  group: GROUP,
  redis: REDIS_URL,
  ...(LEASE_TTL_MS && { lease: { ttlMs: Number(LEASE_TTL_MS) } }),
  stateMachine: catalogue,
})

const app = express()
app.use('/cluster', clusterRouter(node))
app.use(routeWrites(node))
app.use(consistentReads(node)) // whoever has changed a product sees that at once, at whichever instance
app.use(express.json())
app.get('/products/:id', (req, res) => {
  // No round trip, no entry that is out of date, nothing to invalidate: the state is here, and changes when it does.
  const product = node.read((state) => state.products[slot(req.params.id)])
  res.status(product ? 200 : 404).json(product ?? null)
})
app.put('/products/:id', async (req, res) => {
  const product = productIn(req.body)
  if (!product) {
    res.status(400).json({ error: { code: 'BAD_REQUEST', message: 'name, cents and tags are needed' } })
    return
  }
  await node.write('put', { id: req.params.id, product })
  res.json(product)
})
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

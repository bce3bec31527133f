// What the formats are tried on, frozen: it uses nothing that the first release did not have, so that it runs on any. The routes
// are those of the kv example. With RECORD=1 it says what arrives from other instances.
import { CommandError, createNode, defineStateMachine } from '@leasehold/core'
import {
  clusterErrors,
  clusterRouter,
  consistentReads,
  gracefulShutdown,
  routeWrites,
} from '@leasehold/express'
import { once } from 'node:events'
import express from 'express'

const { env } = process
const slot = (key) => `=${key}`

const kv = defineStateMachine({
  name: 'formats',
  version: 1,
  initial: () => ({ values: {}, lists: {} }),
  commands: {
    put(state, { key, value }) {
      state.values[slot(key)] = value
    },
    cas(state, { key, expect, value }) {
      const present = state.values[slot(key)] ?? null
      if (present !== expect) return { swapped: false, present }
      state.values[slot(key)] = value
      return { swapped: true, present: value }
    },
    push(state, { key, item }) {
      return (state.lists[slot(key)] ??= []).push(item)
    },
    refuse(_state, { why }) {
      throw new CommandError(why)
    },
    fail() {
      throw new Error('a bug')
    },
    count(state) {
      return Object.keys(state.values).length
    },
  },
})

const node = createNode({
  group: env.GROUP,
  name: env.NAME,
  redis: env.REDIS_URL,
  lease: { ttlMs: Number(env.LEASE_TTL_MS) },
  heartbeatMs: 200,
  settleMs: 300,
  snapshotEntries: Number(env.SNAPSHOT_ENTRIES ?? 8192),
  trailingEntries: Number(env.TRAILING_ENTRIES ?? 10240),
  stateMachine: kv,
})
node.on('error', () => {}) // of `fail`

const app = express()
app.use((req, _res, next) => {
  const { method, originalUrl, headers } = req
  if (env.RECORD === '1' && headers['leasehold-forwarded'])
    process.stdout.write(`${JSON.stringify({ method, url: originalUrl, headers })}\n`)
  next()
})
app.use('/cluster', clusterRouter(node))
/** The whole replica, and where it stands. */
app.get('/replica', (_req, res) => {
  res.json(node.read((state) => ({ state, logId: node.position.logId, index: node.position.index })))
})
app.use(routeWrites(node))
app.use(consistentReads(node, { consistency: (req) => req.query.consistency ?? 'session' }))
app.use(express.json())
app.put('/kv/:key', async (req, res) => {
  const { index, term } = await node.submit('put', { key: req.params.key, value: req.body.value })
  res.json({ index, term })
})
app.get('/kv/:key', (req, res) => {
  const { value, index } = node.read((state, at) => ({
    value: state.values[slot(req.params.key)],
    index: at.index,
  }))
  res.status(value === undefined ? 404 : 200).json({ value: value ?? null, index })
})
app.post('/kv/:key/cas', async (req, res) => {
  const { expect, value } = req.body
  const { result, index, term } = await node.submit('cas', { key: req.params.key, expect, value })
  res.status(result.swapped ? 200 : 409).json(result.swapped ? { index, term } : { value: result.present })
})
app.post('/list/:key', async (req, res) => {
  const { result, index, term } = await node.submit('push', { key: req.params.key, item: req.body.item })
  res.json({ position: result, index, term })
})
app.get('/list/:key', (req, res) => {
  const { items, index } = node.read((state, at) => ({
    items: state.lists[slot(req.params.key)],
    index: at.index,
  }))
  res.json({ items: items ?? [], index })
})
for (const command of ['refuse', 'fail', 'count']) {
  app.post(`/${command}`, async (req, res) => {
    const { result } = await (command === 'refuse'
      ? node.submit('refuse', { why: req.body.why })
      : node.submit(command))
    res.json({ result })
  })
}
app.use(clusterErrors(node))

const server = app.listen(Number(env.PORT), '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`
node.setUrl(url, url)
gracefulShutdown(server, node)
await node.start()
process.stdout.write(`listening ${url}\n`)

// The kv example as it is before and after a deploy: `APP_VERSION`, and `WITH_TAG=1` for the command that came with it.
import { createNode, defineStateMachine } from '@leasehold/core'
import { clusterErrors, clusterRouter, routeWrites } from '@leasehold/express'
import express from 'express'
import { kv } from '../../examples/kv/dist/machine.js'
import { badRequests, kvRoutes } from '../../examples/kv/dist/routes.js'
import { serve } from '../support/serve.mjs'

const { env } = process
const withTag = env.WITH_TAG === '1'

const commands = {
  ...kv.commands,
  ...(withTag && {
    /** Makes what the version before did not have when it needs it. */
    tag(state, { key, text }) {
      state.tags ??= {}
      state.tags[key] = text
    },
  }),
}

const node = createNode({
  group: env.GROUP,
  redis: env.REDIS_URL,
  lease: { ttlMs: Number(env.LEASE_TTL_MS) },
  eligible: env.ELIGIBLE !== '0',
  heartbeatMs: 200,
  settleMs: 200,
  snapshotEntries: Number(env.SNAPSHOT_ENTRIES ?? 8192),
  trailingEntries: Number(env.TRAILING_ENTRIES ?? 10240),
  stateMachine: defineStateMachine({ ...kv, version: Number(env.APP_VERSION), commands }),
})
let tooOld = 0
node.on('warning', ({ code }) => {
  if (code === 'VERSION_TOO_OLD') tooOld++
})

const app = express()
app.use('/cluster', clusterRouter(node))
app.get('/warnings', (_req, res) => res.json({ tooOld }))
/** The whole replica, and the index at which it is that. */
app.get('/replica', (_req, res) => res.json(node.read((state, { index }) => ({ state, index }))))
app.use(routeWrites(node))
app.use(express.json())
app.use(kvRoutes(node, 'log'))
if (withTag) {
  app.put('/tags/:key', async (req, res) => {
    const { index, term } = await node.submit('tag', { key: req.params.key, text: req.body.text })
    res.json({ index, term })
  })
}
app.use(clusterErrors(node))
app.use(badRequests)

await serve(app, node, { port: Number(env.PORT) })

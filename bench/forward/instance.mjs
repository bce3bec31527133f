/** An instance of the app whose writes are forwarded, as the README has it: the leader, or a follower in front of it. */
import { once } from 'node:events'
import express from 'express'
import { createNode, defineStateMachine } from '../../packages/core/dist/esm/index.js'
import { clusterErrors, consistentReads, routeWrites } from '../../packages/express-adapter/dist/esm/index.js'
import { answerCalls, settings } from '../shared/answer-calls.mjs'

const machine = defineStateMachine({
  name: 'forward',
  version: 1,
  initial: () => ({}),
  commands: {
    put(state, { key, value }) {
      state[key] = value
    },
  },
})

const node = createNode({ ...settings.node, name: settings.name, stateMachine: machine })
const app = express()
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()
node.setUrl(`http://127.0.0.1:${port}`)
app.use(routeWrites(node))
app.use(consistentReads(node))
app.use(express.json())
app.put('/values/:key', async (req, res) => {
  await node.write('put', { key: req.params.key, value: req.body.value })
  res.json({ servedBy: settings.name })
})
app.use(clusterErrors(node))
await node.start()

answerCalls({ port: () => port, close: () => node.stop() })

// A node in a process of its own, whose state never grows; see `leftovers.test.ts` for the test's end.
import { createNode, defineStateMachine } from '@leasehold/core'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { onMessage, send } from '../support/program-port.mjs'

/** As in `counter.ts`. */
const counter = defineStateMachine({
  name: 'counter',
  version: 1,
  initial: () => ({ count: 0 }),
  commands: { increment: (state) => ++state.count },
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')

const node = createNode({ ...JSON.parse(process.env.NODE_OPTIONS_JSON), stateMachine: counter })

const calls = {
  /** Undefined from one that does not lead. */
  async write() {
    if (!node.isLeader) return undefined
    await node.write('increment')
    return node.position.term
  },

  /** What this process holds on to. */
  async footprint() {
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      collectGarbage()
    }
    return { heapBytes: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo() }
  },

  members: async () => (await node.groupStatus()).members.map(({ id, alive }) => ({ id, alive })),
  id: () => node.id,
  leads: () => node.isLeader,
}

onMessage(async ({ id, call }) => send({ id, reply: await calls[call]() }))
await node.start()
send({ started: true })

// A node with a large state in a process of its own, which writes as fast as it can when told; see `store-process.ts`.
import { createHash } from 'node:crypto'
import { createNode, defineStateMachine } from '@leasehold/core'
import { onMessage, send } from '../support/program-port.mjs'

const itemName = (n) => `item-${String(n)}`

const store = defineStateMachine({
  name: 'store',
  version: 1,
  initial: () => ({ items: {} }),
  commands: {
    /** Makes many items by few entries. */
    fill(state, { from, count, bytes }, ctx) {
      const text = createHash('sha256').update(ctx.uuid()).digest('base64')
      for (let n = from; n < from + count; n++)
        state.items[itemName(n)] = {
          n,
          text: text.repeat(Math.ceil(bytes / text.length)),
          tags: [n % 7, n % 11],
        }
    },
    put(state, { n, text }) {
      state.items[itemName(n)] = { n, text, tags: [] }
    },
  },
})

const node = createNode({ ...JSON.parse(process.env.NODE_OPTIONS_JSON), stateMachine: store })
const warnings = []
node.on('warning', ({ code, message }) => warnings.push({ code, message }))

const load = { on: false }
let written = 0
let errors = []
let latencies = []

async function client(items) {
  while (load.on) {
    const startMs = performance.now()
    await node.write('put', { n: Math.floor(Math.random() * items), text: `${written++}`.repeat(40) }).then(
      () => latencies.push(performance.now() - startMs),
      ({ code }) => errors.push(code),
    )
  }
}

const quantile = (sorted, q) =>
  Number(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]?.toFixed(2))

const calls = {
  look: () => ({
    ...{ leads: node.isLeader, term: node.term, index: node.position.index, warnings, status: node.status() },
  }),
  async fill({ items, bytes }) {
    const count = 1000
    for (let from = 0; from < items; from += count) await node.write('fill', { from, count, bytes })
    return { bytes: JSON.stringify(node.read((state) => state)).length }
  },
  startLoad({ clients, items }) {
    load.on = true
    for (let n = 0; n < clients; n++) void client(items)
  },
  /** What was written since the last call. */
  written() {
    const sorted = latencies.toSorted((a, b) => a - b)
    const report = {
      acknowledged: sorted.length,
      errors,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
    }
    latencies = []
    errors = []
    return { ...report, maxMs: quantile(sorted, 1) }
  },
  stopLoad() {
    load.on = false
  },
  digest: () => ({
    index: node.position.index,
    sha256: node.read((state) => createHash('sha256').update(JSON.stringify(state)).digest('hex')),
  }),
  alive: async () => (await node.groupStatus()).members.filter(({ alive }) => alive).map(({ name }) => name),
}

onMessage(async ({ id, call, argument }) => send({ id, reply: (await calls[call](argument)) ?? null }))
await node.start()
send({ started: true })

// A node in a process of its own that writes as fast as the log takes it whenever it leads, and keeps account of what
// became of each write; see `million-process.ts` for the test's end.
import { createNode, defineStateMachine } from '@leasehold/core'
import { onMessage, send } from '../support/program-port.mjs'

const WRITERS = 256
const KEYS = 1000
const VALUE = 'x'.repeat(100)

const { target, options } = JSON.parse(process.env.MEMBER_JSON)
const boot = `${options.name}-${process.pid}`

/** The size of this state does not depend on how many entries made it. `boots`: which writes of each process came. */
const counter = defineStateMachine({
  name: 'million',
  version: 1,
  initial: () => ({ count: 0, chain: 0, boots: {}, values: {} }),
  commands: {
    add(state, { by, number }, { index }) {
      const from = (state.boots[by] ??= { last: 0, missing: [], repeated: 0 })
      if (number <= from.last) from.repeated++
      else if (number > from.last + 1) from.missing.push([from.last + 1, number - 1])
      from.last = Math.max(from.last, number)
      state.values[`key-${index % KEYS}`] = VALUE + String(number)
      state.chain = (Math.imul(state.chain, 31) + number + index) | 0
      return ++state.count
    },
  },
})

const node = createNode({ ...options, stateMachine: counter })
node.on('elected', () => {
  for (const resolve of waiting.splice(0)) resolve()
})
/** What was answered so far: numbers that follow each other as [first, last]. */
const answers = { acknowledged: [], refused: [], unknown: [] }
let number = 0
/** Writers that wait until this instance leads. */
const waiting = []

/** Answers come nearly in order, so the newest ranges are looked at. */
function note(ranges, answered) {
  for (let i = ranges.length - 1; i >= Math.max(0, ranges.length - WRITERS); i--) {
    if (ranges[i][1] === answered - 1) {
      ranges[i][1] = answered
      return
    }
  }
  ranges.push([answered, answered])
}

async function write() {
  const mine = ++number
  try {
    await node.write('add', { by: boot, number: mine })
    note(answers.acknowledged, mine)
  } catch (error) {
    if (error.code === 'OUTCOME_UNKNOWN') note(answers.unknown, mine)
    else if (error.retryable) note(answers.refused, mine)
    else throw error
  }
}

async function run() {
  while (node.role !== 'stopped' && node.read(({ count }) => count) < target) {
    if (node.isLeader) await write()
    else await new Promise((resolve) => waiting.push(resolve))
  }
}

const calls = {
  look: () => ({ leads: node.isLeader, index: node.position.index, ...answers }),
  memory() {
    globalThis.gc()
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rss, heap: heapUsed + external }
  },
  state: () => node.read(({ count, chain, boots }) => ({ count, chain, boots })),
  async stop() {
    await node.stop()
    return answers
  },
}

onMessage(async ({ id, call }) => send({ id, reply: await calls[call]() }))
await node.start()
send({ started: true, boot })
for (let i = 0; i < WRITERS; i++) void run()

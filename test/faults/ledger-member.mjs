// A node in a process of its own that does what the test tells it; see `ledger-process.ts` for the test's end.
import { shiftClock } from './shifted-clock.mjs'
import { createNode, defineStateMachine } from '@leasehold/core'
import { existsSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { onMessage, send } from '../support/program-port.mjs'

/** As in `ledger.ts`. */
const ledger = defineStateMachine({
  name: 'ledger',
  version: 1,
  initial: () => ({ items: [], indexes: [] }),
  commands: {
    add(state, item, ctx) {
      state.indexes.push(ctx.index)
      return state.items.push(item)
    },
  },
})

const node = createNode({ ...JSON.parse(process.env.NODE_OPTIONS_JSON), stateMachine: ledger })
const happened = []
const warnings = []
node.on('elected', ({ term }) => happened.push({ event: 'elected', term }))
node.on('demoted', ({ term, reason }) => happened.push({ event: 'demoted', term, reason }))
node.on('warning', ({ code, message }) => warnings.push({ code, message }))

function write(item) {
  return node.submit('add', item).then(
    ({ result, index, term }) => ({ code: 'OK', place: result, index, term }),
    ({ code, message }) => ({ code, message }),
  )
}

/** What came of a call. */
function told(called) {
  return called.then(
    (found) => ({ code: 'OK', ...found }),
    ({ code, reason, message }) => ({ code, reason, message }),
  )
}

const calls = {
  write,
  look: () => ({ leads: node.isLeader, term: node.term, index: node.position.index, happened, warnings }),
  alive: async () => (await node.groupStatus()).members.filter(({ alive }) => alive).map(({ id }) => id),
  ledger: () => node.read((state) => state),
  sign: (text) => node.credentials.sign(text),
  verify: ({ text, signature }) => node.credentials.verify(text, signature),
  rotateSecret: (inFlightMs) => told(node.rotateSecret({ inFlightMs })),
  switchover: (options) => told(node.switchover(options)),
  pause: (options) => told(node.pause(options)),
  resume: () => told(node.resume()),
  setEligible: (eligible) => told(node.setEligible(eligible)),
  stop: () => told(node.stop()),
  status: () => node.status(),
  shiftClock: (ms) => ({ nowMs: shiftClock(ms) }),

  /**
   * Blocks the event loop in the turn of a write, for so long or until a file is there; looks at once, and writes again at
   * every kind of moment behind it.
   */
  async block(until) {
    const { term } = node
    const answers = [write('submitted before')]
    send({ blocking: true })
    const untilMs = performance.now() + until
    while (typeof until === 'string' ? !existsSync(until) : performance.now() < untilMs);
    const leads = node.isLeader
    answers.push(write('in the same turn'))
    await Promise.resolve()
    answers.push(write('in a microtask'))
    await setImmediate()
    answers.push(write('in the next turn'))
    await setTimeout(1)
    answers.push(write('a millisecond later'))
    return { term, leads, answers: await Promise.all(answers) }
  },
}

onMessage(async ({ id, call, argument }) => send({ id, reply: await calls[call](argument) }))
await node.start()
send({ started: true })

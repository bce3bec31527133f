/**
 * What the audit costs: CPU time for each entry that a replica applies, and beside it what a lone leader spends on a write
 * altogether, without it. The least of all rounds counts, since other work only adds. Options: --entries N, --rounds N.
 */
import { parseArgs } from 'node:util'
import { createNode, defineStateMachine } from '../packages/core/dist/esm/index.js'
import { Evidence } from '../packages/core/dist/esm/apply/evidence.js'
import { LocalState } from '../packages/core/dist/esm/apply/state-machine.js'
import { decodeEntry, encodeEntry } from '../packages/core/dist/esm/log/entry.js'
import { openRedis } from '../scripts/lib/private-redis.mjs'
import { runScript } from '../scripts/lib/script.mjs'

const ACCOUNTS = 1000
const WRITERS = 256
/** Entries whose evidence is taken, again and again. */
const POOL = 4000

const bank = defineStateMachine({
  name: 'bank',
  version: 1,
  initial: () => ({ accounts: {}, history: [] }),
  commands: {
    deposit(state, { to, amount }, ctx) {
      const account = (state.accounts[to] ??= { balance: 0, changedAt: 0, tags: ['new', 'checked'] })
      account.balance += amount
      account.changedAt = ctx.time
      return account.balance
    },
    show(state, { to, amount }, ctx) {
      const account = (state.accounts[to] ??= { balance: 0, changedAt: 0, tags: ['new', 'checked'] })
      account.balance += amount
      account.changedAt = ctx.time
      return account
    },
    describe(state, { to, text }) {
      const account = (state.accounts[to] ??= { balance: 0, changedAt: 0, tags: ['new', 'checked'] })
      account.text = text
      return account
    },
  },
})

const toOf = (at) => `account-${at % ACCOUNTS}`

/** Results of growing size. */
const kinds = {
  'a number': (at) => ['deposit', { to: toOf(at), amount: at % 7 }],
  'an object of 70 characters': (at) => ['show', { to: toOf(at), amount: at % 7 }],
  'an object of 280 characters': (at) => ['describe', { to: toOf(at), text: `${at}`.padEnd(200, 'x') }],
}

function entryAt(argumentsAt, at) {
  const [command, args] = argumentsAt(at)
  const draft = { opId: `prefix-${at.toString(36)}`, fingerprint: '', since: undefined, version: 1 }
  return decodeEntry(at + 1, 1, 1_795_384_000_000 + at, encodeEntry({ ...draft, command, args }))
}

function cpuUs(since) {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

/** Nanoseconds of CPU for the evidence of an entry. What it is given is made before, lest its garbage be counted. */
function audit(argumentsAt, count) {
  const machine = new LocalState(bank)
  const entries = Array.from({ length: POOL }, (_, at) => entryAt(argumentsAt, at))
  const applied = entries.map((entry) => ({
    ok: true,
    result: machine.apply(entry).result,
    index: 0,
    term: 1,
  }))
  const evidence = new Evidence(machine)
  const before = process.cpuUsage()
  for (let index = 1; index <= count; index++) {
    const at = index % POOL
    entries[at].index = applied[at].index = index
    evidence.applied(entries[at], applied[at], 'log', 'nonce')
  }
  return (cpuUs(before) * 1000) / count
}

/** Nanoseconds of CPU that a lone leader spends on a write, from the call to its answer. */
async function write(url, group, argumentsAt, count) {
  const node = createNode({ group, redis: url, stateMachine: bank, audit: false })
  await node.start()
  let next = 0
  const writer = async () => {
    for (let at = next++; at < count; at = next++) await node.write(...argumentsAt(at))
  }
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: WRITERS }, writer))
  const us = cpuUs(before)
  await node.stop()
  return (us * 1000) / count
}

const least = (values) => Math.round(Math.min(...values))

await runScript(async (args) => {
  const { values } = parseArgs({
    args,
    options: { entries: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '7' } },
  })
  const [count, rounds] = [Number(values.entries), Number(values.rounds)]
  const redis = await openRedis()
  try {
    let group = 0
    for (const [name, argumentsAt] of Object.entries(kinds)) {
      const ns = { audit: [], write: [] }
      for (let round = 0; round < rounds; round++) {
        ns.audit.push(audit(argumentsAt, count))
        ns.write.push(await write(redis.url, `g${++group}`, argumentsAt, count / 10))
      }
      const share = ((100 * least(ns.audit)) / least(ns.write)).toFixed(1)
      console.log(`${name}: ${least(ns.audit)} ns an entry, ${share} % of a write (${least(ns.write)} ns)`)
    }
  } finally {
    await redis.stop()
  }
  return 0
})

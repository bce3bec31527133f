/**
 * What the audit costs: CPU time for each entry that a replica applies, with and without it, and beside it the CPU time that
 * a leader spends on a write altogether. Options: --entries N, --rounds N.
 */
import { parseArgs } from 'node:util'
import { createNode, defineStateMachine } from '../packages/core/dist/esm/index.js'
import { Applier } from '../packages/core/dist/esm/apply/applier.js'
import { Evidence } from '../packages/core/dist/esm/apply/evidence.js'
import { LocalState } from '../packages/core/dist/esm/apply/state-machine.js'
import { decodeEntry, encodeEntry } from '../packages/core/dist/esm/log/entry.js'
import { openRedis } from '../scripts/lib/private-redis.mjs'
import { runScript } from '../scripts/lib/script.mjs'

const ACCOUNTS = 1000
const WRITERS = 256

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
    rename(state, { to, text }) {
      const account = (state.accounts[to] ??= { balance: 0, changedAt: 0, tags: [] })
      account.text = text
      return account
    },
  },
})

const kinds = {
  'a number as result': (at) => ['deposit', { to: `account-${at % ACCOUNTS}`, amount: at % 7 }],
  'an object with 200 characters as result': (at) => [
    'rename',
    { to: `account-${at % ACCOUNTS}`, text: `${at}`.padEnd(200, 'x') },
  ],
}

function entriesOf(argumentsAt, count) {
  return Array.from({ length: count }, (_, at) => {
    const [command, args] = argumentsAt(at)
    const id = `prefix-${at.toString(36)}`
    return encodeEntry({ opId: id, fingerprint: '', since: undefined, version: 1, command, args })
  })
}

/** Nanoseconds of CPU for each entry, decoded and applied as on a follower. */
function apply(entries, audited) {
  const machine = new LocalState(bank)
  const applier = new Applier(machine, () => {}, audited ? new Evidence(machine) : undefined)
  applier.adopt('log')
  const before = process.cpuUsage()
  for (const [at, data] of entries.entries())
    applier.apply(decodeEntry(at + 1, 1, 1_795_384_000_000 + at, data), 'nonce')
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / entries.length
}

/** Nanoseconds of CPU that a lone leader spends on a write, from the call to its answer. */
async function write(url, group, audit, argumentsAt, count) {
  const node = createNode({ group, redis: url, stateMachine: bank, audit })
  await node.start()
  let next = 0
  const writer = async () => {
    for (let at = next++; at < count; at = next++) await node.write(...argumentsAt(at))
  }
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: WRITERS }, writer))
  const { user, system } = process.cpuUsage(before)
  await node.stop()
  return ((user + system) * 1000) / count
}

/** Other work on the machine only adds. */
const least = (values) => Math.round(Math.min(...values))

await runScript(async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      entries: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '7' },
    },
  })
  const [count, rounds] = [Number(values.entries), Number(values.rounds)]
  const redis = await openRedis()
  try {
    for (const [name, argumentsAt] of Object.entries(kinds)) {
      const entries = entriesOf(argumentsAt, count)
      const ns = { without: [], with: [], write: [] }
      for (let round = 0; round < rounds; round++) {
        ns.without.push(apply(entries, false))
        ns.with.push(apply(entries, true))
        const group = `${name.slice(0, 4).trim()}-${round}`.replaceAll(' ', '-')
        ns.write.push(await write(redis.url, group, false, argumentsAt, count / 10))
      }
      const cost = least(ns.with) - least(ns.without)
      const share = ((100 * cost) / least(ns.write)).toFixed(1)
      console.log(
        `${name}: decoded and applied in ${least(ns.without)} ns, audited ${least(ns.with)} ns (+${cost} ns)`,
      )
      console.log(`  a write on the leader ${least(ns.write)} ns of CPU; the audit is ${share} % of that`)
    }
  } finally {
    await redis.stop()
  }
  return 0
})

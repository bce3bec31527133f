import { createNode, type ElectionNode } from '@leasehold/core'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { callOf, LedgerGroup, type Member, termConnection } from './ledger-group.js'
import { problemsOf, replicasEqualLog, startWriters } from './ledger.js'

/** Nobody waits for such a lease to run out here. */
const TTL_MS = 10_000
/** Well below it; usually some ten milliseconds. */
const AT_ONCE_MS = 3000

let redis: RedisServer
let group: LedgerGroup
/** Those that only elect. */
let electors: ElectionNode[]

beforeAll(async () => {
  redis = await startRedis()
})
beforeEach(() => {
  group = new LedgerGroup(redis)
  electors = []
})
afterEach(() => Promise.all([group.stop(), ...electors.map((node) => node.stop())]))
afterAll(stopAll)

it('G4, G10: a leader that stops under load hands over at once, and nothing acknowledged is lost', async () => {
  for (const name of ['a', 'b', 'c']) await group.add(name, { ttlMs: TTL_MS })
  const writers = startWriters(() => group.members)
  let running = [...group.members]
  for (const left of [2, 1]) {
    const acknowledged = writers.acknowledged
    await eventually(() => writers.acknowledged > acknowledged + 100, { message: 'writes to go on' })
    const leader = await group.leader()
    const stopped = leader.node.stop()
    running = running.filter((member) => member !== leader)
    expect(running).toHaveLength(left)
    await eventually(() => running.some(({ node }) => node.isLeader), { timeoutMs: AT_ONCE_MS })
    await stopped
    expect(leader.happened.at(-1)).toMatchObject({ event: 'demoted', reason: 'stopped' })
  }
  const acknowledged = writers.acknowledged
  await eventually(() => writers.acknowledged > acknowledged + 100, { message: 'writes to go on' })

  const history = await writers.stop()
  const log = await replicasEqualLog(redis, group.name, running)
  expect(problemsOf(history, log)).toEqual([])
})

it('G5: an heir that is behind serves only once it has what was acknowledged', async () => {
  const leader = await group.add('leader', { ttlMs: TTL_MS })
  const heir = await group.add('heir', { ttlMs: TTL_MS })
  const mayRead = new AbortController()
  void cutReads(heir, mayRead.signal)
  for (const item of ['a', 'b', 'c']) await leader.write(item)
  expect(heir.node.position.index).toBe(0)
  const indexes: number[] = []
  heir.node.on('elected', () => indexes.push(heir.node.position.index))
  const stopped = leader.node.stop()
  const claimant = () => redis.command('HGET', group.keys.meta, 'leader')
  await eventually(async () => (await claimant()) === heir.node.id, { message: 'the claim' })

  mayRead.abort()
  heir.log.heal()
  await heir.leads()
  expect(indexes).toEqual([3])
  expect(await heir.write('d')).toMatchObject({ code: 'OK', place: 4 })
  await stopped
})

it('G1: instances that only elect lead one at a time, each time in a later term, until its signal aborts', async () => {
  electors = ['a', 'b', 'c'].map((name) =>
    createNode({ group: group.name, name, redis: redis.url, lease: { ttlMs: TTL_MS }, heartbeatMs: 200 }),
  )
  const runs: { node: ElectionNode; term: number; signal: AbortSignal }[] = []
  for (const node of electors) {
    node.whileLeader(({ term, signal }) => void runs.push({ node, term, signal }))
    await node.start()
  }
  /** Waits for the next call of the function, which is made by the only one that leads. */
  const run = async (at: number) => {
    const next = await eventually(() => runs[at], { timeoutMs: AT_ONCE_MS, message: `call ${at}` })
    expect(electors.filter(({ isLeader }) => isLeader).map(({ id }) => id)).toEqual([next.node.id])
    return next
  }

  const first = await run(0)
  await redis.command('CLIENT', 'KILL', 'ID', await termConnection(redis, group.name, first.node.name))
  const second = await run(1)
  expect(second.node).toBe(first.node)
  await second.node.stop()
  const third = await run(2)
  await third.node.stop()
  const last = await run(3)

  const terms = runs.map(({ term }) => term)
  expect(terms).toEqual([...new Set(terms)].toSorted((a, b) => a - b))
  expect(runs.map(({ signal }) => signal.aborted)).toEqual([true, true, true, false])
  expect(new Set([second, third, last].map(({ node }) => node.id)).size).toBe(electors.length)
  await last.node.stop()
  expect(last.signal.aborted).toBe(true)
})

/** Breaks each connection on which the member reads the log, or is told of it. It can still claim, but not catch up. */
async function cutReads({ log }: Member, until: AbortSignal): Promise<void> {
  const isTold = (chunk: Buffer) => chunk.includes('smessage')
  const cuts = [() => log.cutWhen('toServer', callOf('read')), () => log.cutWhen('toClient', isTold)]
  await Promise.all(
    cuts.map(async (cut) => {
      while (!until.aborted) await cut()
    }),
  )
}

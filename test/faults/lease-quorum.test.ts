import { eventually, within } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { LedgerGroup, type Member } from './ledger-group.js'
import { heal, onAll, renewed, runIdOf, startLeaseNodes, strike, valuesOf } from './lease-nodes.js'
import { moreWrites, problemsOf, replicasEqualLog, startWriters, type Writers } from './ledger.js'

const TTL_MS = 1500
/** Few: a leader that gets no time on a busy machine loses its lease. */
const WRITERS = 2
/** Well above what a stop may take. One that waits for a frozen node would never end. */
const STOP_WITHIN_MS = 5000

let redis: RedisServer
let group: LedgerGroup
/** The lease's own servers. None is the log's Redis. */
let nodes: RedisServer[]

beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  await group.stop()
  await Promise.all(nodes.map((node) => node.stop()))
})
afterAll(stopAll)

async function setUp(count: number): Promise<void> {
  nodes = await startLeaseNodes(count)
  group = new LedgerGroup(redis, nodes)
}

const join = (name: string) => group.add(name, { ttlMs: TTL_MS })

/** Everything that was acknowledged is there, once, on every replica. */
async function expectNothingLost(writers: Writers, members = group.members): Promise<void> {
  const history = await writers.stop()
  const log = await replicasEqualLog(redis, group.name, members)
  expect(problemsOf(history, log)).toEqual([])
}

async function expectNothingFailed(writers: Writers): Promise<void> {
  await expectNothingLost(writers)
  expect(writers.history.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
}

describe.each([
  [3, 'killed'],
  [3, 'frozen'],
  [5, 'killed or frozen'],
] as const)('of %i lease nodes all but a majority are %s:', (count, fate) => {
  let down: RedisServer[]
  let living: RedisServer[]

  beforeEach(async () => {
    await setUp(count)
    down = nodes.slice(0, (count - 1) / 2)
    living = nodes.slice(down.length)
  })

  it('the leader keeps its term, not one write fails, and nodes that are back have a vote again', async () => {
    const leader = await join('leader')
    await join('follower')
    const { term } = leader.node
    const writers = startWriters(() => [leader], WRITERS)
    await strike(down, fate)
    await renewed(living, 3)
    await eventually(() => unreachable(leader) === down.length, { message: 'the leader to miss them' })
    await moreWrites(writers)
    await heal(down, fate)

    await onAll(nodes, group.keys.lease)
    await strike(living.slice(-down.length), fate)
    await renewed(nodes.slice(0, -down.length), 3) // without those that had been down it would be no majority
    await moreWrites(writers)

    expect(leader.happened).toEqual([{ event: 'elected', term }])
    expect(leader.node.term).toBe(term)
    await expectNothingFailed(writers)
  })

  it('failover, the start of a newcomer and a graceful hand-over work', async () => {
    const [first, second] = [await join('first'), await join('second')]
    const { term } = first.node
    const writers = startWriters(() => group.members, WRITERS)
    await moreWrites(writers)
    await strike(down, fate)
    first.cutOff()
    expect(await second.leads()).toBeGreaterThan(term)
    first.reconnect()

    const newcomer = await join('newcomer')
    expect(newcomer.node.leader?.id).toBe(second.node.id)
    await moreWrites(writers)

    const stopped = within(second.node.stop(), { timeoutMs: STOP_WITHIN_MS, message: 'the stop' })
    const left = [first, newcomer]
    await eventually(() => left.some(({ node }) => node.isLeader), { message: 'the next leader' })
    await stopped
    expect(second.happened.at(-1)).toMatchObject({ event: 'demoted', reason: 'stopped' })
    await moreWrites(writers)
    await expectNothingLost(writers, left)
  })
})

it.each([3, 5])(
  'a rolling restart of %i lease nodes that keep nothing costs no term and no write',
  async (count) => {
    await setUp(count)
    const leader = await join('leader')
    await join('follower')
    const { term } = leader.node
    const writers = startWriters(() => [leader], WRITERS)
    await onAll(nodes, group.keys.lease)
    const before = await valuesOf(nodes, group.keys.lease)
    for (const node of nodes) {
      const runId = await runIdOf(node)
      await moreWrites(writers)
      await node.restart()
      expect(await runIdOf(node)).not.toBe(runId)
      expect(await node.command('INFO', 'persistence')).toMatch(/^rdb_last_load_keys_loaded:0\r$/m)
      await onAll(nodes, group.keys.lease)
    }
    await moreWrites(writers)
    expect(await valuesOf(nodes, group.keys.lease)).toEqual(before)
    expect(leader.happened).toEqual([{ event: 'elected', term }])
    await expectNothingFailed(writers)
  },
)

/** How many lease nodes it has said it cannot reach. */
function unreachable({ warnings }: Member): number {
  return warnings.filter(({ code }) => code === 'LEASE_NODE_UNREACHABLE').length
}

import type { Keys } from '../../packages/core/src/redis/keys.js'
import { eventually, once } from '../support/deadline.js'
import { stopAllPrograms } from '../support/program.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { LedgerGroup, type Member } from './ledger-group.js'
import { LedgerProcesses } from './ledger-process.js'
import { heal, onAll, renewed, startLeaseNodes, strike, triedToReach, valuesOf } from './lease-nodes.js'
import { moreWrites, problemsOf, readLog, replicasEqualLog, startWriters } from './ledger.js'

/** Few: a leader that gets no time on a busy machine loses its lease. */
const WRITERS = 2

let redis: RedisServer
let group: LedgerGroup
/** The lease's own servers. None is the log's Redis. */
let nodes: RedisServer[]

beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  await Promise.all([group.stop(), stopAllPrograms()])
  await Promise.all(nodes.map((node) => node.stop()))
})
afterAll(stopAll)

async function setUp(count: number): Promise<void> {
  nodes = await startLeaseNodes(count)
  group = new LedgerGroup(redis, nodes)
}

describe.each([
  [1, 'killed'],
  [1, 'frozen'],
  [3, 'killed'],
  [3, 'frozen'],
  [5, 'killed or frozen'],
] as const)('G10: of %i lease nodes a majority is %s:', (count, fate) => {
  const options = { ttlMs: 1500 }

  it('the leader ends in time, nobody leads meanwhile, and somebody does once it is back', async () => {
    await setUp(count)
    const [leader, follower] = [await group.add('leader', options), await group.add('follower', options)]
    const { term } = leader.node
    const writers = startWriters(() => group.members, WRITERS)
    await moreWrites(writers)

    const demoted = once<[object]>(leader.node, 'demoted')
    const down = nodes.slice(0, (count + 1) / 2)
    await renewed(nodes, 1) // so that its lease has nearly all of its time
    await strike(down, fate)
    expect(await ledForMs(leader)).toBeLessThan(options.ttlMs)
    expect(await demoted).toEqual([{ term, reason: 'expired' }])

    await triedToReach(follower, 0, 5)
    for (const member of [leader, follower]) {
      expect(await member.write('without a majority')).toMatchObject({ code: 'NOT_LEADER' })
    }
    expect(follower.happened).toEqual([])
    expect(writers.history.filter(({ outcome }) => outcome === 'unknown')).toEqual([])

    await heal(down, fate)
    const next = await group.leader()
    expect(next.node.term).toBeGreaterThan(term)
    await moreWrites(writers)
    const history = await writers.stop()
    const log = await replicasEqualLog(redis, group.name, group.members)
    expect(problemsOf(history, log)).toEqual([])
  })

  /** For how long from now on it says that it leads. */
  async function ledForMs({ node }: Member): Promise<number> {
    const startMs = performance.now()
    let lastMs = startMs
    const ended = () => {
      const now = performance.now()
      if (!node.isLeader) return true
      lastMs = now
      return false
    }
    await eventually(ended, { intervalMs: 5, message: 'the end of the reign' })
    return lastMs - startMs
  }
})

describe('G2: two instances hold the lease, since a majority of its nodes came back empty:', () => {
  const options = { ttlMs: 10_000, heartbeatMs: 60_000 }

  beforeEach(() => setUp(3))

  it('the old leader, cut off from them, believes in itself, and the log takes nothing of it', async () => {
    const [old, heir] = [await group.add('old', options), await group.add('heir', options)]
    const { term } = old.node
    await old.write('before')
    await onAll(nodes, group.keys.lease)
    for (const way of old.leases) way.halfOpen()
    await forgetUntil(group.keys, () => heir.node.isLeader)

    await expectTwoHolders(group.keys)
    expect(old.node.isLeader).toBe(true)
    const demoted = once(old.node, 'demoted')
    expect(await old.write('stale')).toMatchObject({
      code: 'NOT_LEADER',
      message: expect.stringMatching(`FENCED \\(term ${heir.node.term}\\)`),
    })
    expect(await demoted).toEqual([{ term, reason: 'fenced' }])
    await heir.write('by the heir')
    expect((await readLog(redis, group.name)).map(({ item }) => item)).toEqual(['before', 'by the heir'])
    await replicasEqualLog(redis, group.name, group.members)
  })

  it('nor does it of one whose process stood still, and who wakes within its lease', async () => {
    const lease = { redis: nodes.map(({ url }) => url), ttlMs: options.ttlMs }
    const processes = new LedgerProcesses({ redis: redis.url, lease, heartbeatMs: options.heartbeatMs })
    const [old, heir] = [await processes.add('old'), await processes.add('heir')]
    await old.write('before')
    await onAll(nodes, processes.keys.lease)
    await old.program.pause()
    const stale = ['first', 'second'].map((item) => old.write(item))
    await forgetUntil(processes.keys, async () => (await heir.look()).leads)

    await expectTwoHolders(processes.keys)
    old.program.resume()
    for (const answer of await Promise.all(stale)) expect(answer.code).toBe('NOT_LEADER')
    await heir.write('by the heir')
    expect((await readLog(redis, processes.name)).map(({ item }) => item)).toEqual(['before', 'by the heir'])
    await replicasEqualLog(redis, processes.name, [old, heir])
  })

  /** Empties two of the nodes, and has whoever listens look until somebody has found the lease vacant. */
  async function forgetUntil(keys: Keys, led: () => boolean | Promise<boolean>): Promise<void> {
    const forgetful = nodes.slice(0, 2)
    await Promise.all(forgetful.map((node) => node.restart()))
    expect(await valuesOf(forgetful, keys.lease)).toEqual([null, null])
    const found = async () => {
      for (const node of forgetful) await node.command('PUBLISH', keys.leaseNotices, 'vacant')
      return led()
    }
    await eventually(found, { message: 'the heir to lead' })
  }

  /** One by a majority, and one by what is left of its own. */
  async function expectTwoHolders(keys: Keys): Promise<void> {
    const [first, second, third] = await valuesOf(nodes, keys.lease)
    expect([first, third]).not.toContain(null)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  }
})

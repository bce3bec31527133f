import { Redis } from 'ioredis'
import { eventually, once } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { RANGE_ENTRIES } from '../src/apply/evidence.js'
import {
  CommandError,
  createNode,
  defineStateMachine,
  type NodeOptions,
  type ReplicatedNode,
} from '../src/index.js'
import { errorOf } from './error-of.js'
import { newGroup, stopNodes, track } from './nodes.js'

const [SMALL] = RANGE_ENTRIES

/** What one instance has of its own, as a clock or a random number would be: nothing, unless a test says so. */
interface Own {
  chance: number
}

function tallyOf(own: Own, version: number) {
  return defineStateMachine({
    name: 'tally',
    version,
    initial: () => ({ counts: {} as Record<string, { count: number; mark: number }>, total: 0 }),
    commands: {
      count(state, { key }: { key: string }) {
        const entry = (state.counts[key] ??= { count: 0, mark: 0 })
        entry.count++
        return ++state.total
      },
      /** As a command that returns what is random: nothing of it stays. */
      lottery: () => own.chance,
      /** As a command that stores `Date.now()`, and later shows it. */
      mark(state, { key }: { key: string }): void {
        state.counts[key] = { count: 0, mark: own.chance }
      },
      reveal: (state, { key }: { key: string }) => state.counts[key]?.mark ?? 0,
      refuse(): void {
        throw new CommandError(`refused by ${own.chance}`, { reason: 'NO' })
      },
      fail(): void {
        throw new TypeError(`failed by ${own.chance}`)
      },
    },
  })
}

type Tally = ReturnType<typeof tallyOf>
type TallyNode = ReplicatedNode<ReturnType<Tally['initial']>, Tally['commands']>

/** A node of a test, what it has of its own, and what it said. */
interface Subject {
  readonly node: TallyNode
  readonly own: Own
  readonly differed: { id: string; from: number; to: number }[]
  readonly warnings: string[]
}

let server: RedisServer
let group: string

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(() => {
  group = newGroup()
})

afterEach(stopNodes)

afterAll(stopAll)

async function start(
  name: string,
  { chance = 0, version = 1, ...options }: Partial<NodeOptions> & { chance?: number; version?: number } = {},
): Promise<Subject> {
  const own = { chance }
  const node = track(
    createNode({
      ...{ group, name, redis: server.url, lease: { ttlMs: 1000 }, heartbeatMs: 100, settleMs: 100 },
      ...{ startTimeoutMs: 15_000, stateMachine: tallyOf(own, version), ...options },
    }),
  )
  const subject: Subject = { node, own, differed: [], warnings: [] }
  node.on('differed', (event) => subject.differed.push(event))
  node.on('warning', ({ code }) => subject.warnings.push(code))
  await node.start()
  return subject
}

/** Writes until the log ends with a range, and some heartbeats have passed on what it was. */
async function finishRange({ node }: Subject): Promise<void> {
  const rest = SMALL - (node.position.index % SMALL)
  await Promise.all(Array.from({ length: rest }, (_, at) => node.write('count', { key: `k${at % 5}` })))
}

/** Where the group's snapshot is; 0 without one. */
async function snapshotIndex(): Promise<number> {
  const redis = new Redis(server.url)
  const index = await redis.hget(`leasehold:{${group}}:meta`, 'snapshotIndex')
  redis.disconnect()
  return Number(index ?? 0)
}

function stateOf({ node }: Subject): string {
  return node.read((state) => JSON.stringify(state))
}

async function expectEqual(...subjects: Subject[]): Promise<void> {
  const [first, ...others] = subjects as [Subject, ...Subject[]]
  for (const other of others) {
    await eventually(
      () => other.node.position.index === first.node.position.index && !other.node.status().halted,
    )
    expect(stateOf(other)).toBe(stateOf(first))
  }
}

/** Waits until the leader has compared a range up to the end of the log with somebody. */
async function compared({ node }: Subject): Promise<void> {
  const end = node.position.index - (node.position.index % SMALL)
  await eventually(() => node.status().audit.agreedIndex === end)
}

it('names a follower whose command is not deterministic, which stops serving, and starts over with the right state', async () => {
  const [leader, wrong, other] = [await start('a'), await start('b', { chance: 5 }), await start('c')]
  const answers: string[] = []
  wrong.node.on('differed', () => {
    try {
      answers.push(stateOf(wrong))
    } catch (error) {
      answers.push((error as { code: string }).code)
    }
  })
  await finishRange(leader)
  await leader.node.write('mark', { key: 'k' })
  await finishRange(leader)
  await leader.node.write('reveal', { key: 'k' })
  await finishRange(leader)

  const [found] = await eventually(() => leader.differed.length > 0 && leader.differed)
  expect(found).toMatchObject({ id: wrong.node.id })
  // Where its state was looked at, or at the latest where a result showed it.
  expect([1, 2].map((range) => range * SMALL + 1)).toContain(found?.from)
  await eventually(() => wrong.node.status().audit.rebuilds === 1)
  expect(answers).toEqual(['DIVERGED'])
  expect(wrong.differed).toEqual([found])
  expect([leader.warnings, wrong.warnings]).toEqual([
    expect.arrayContaining(['REPLICA_DIFFERS']),
    expect.arrayContaining(['REPLICA_DIFFERS']),
  ])
  await expectEqual(leader, wrong, other)
  expect(wrong.node.read((state) => state.counts.k?.mark)).toBe(0)
  expect(other.differed).toEqual([])

  wrong.own.chance = 0
  await finishRange(leader)
  await compared(leader)
  expect(leader.differed).toHaveLength(1)
})

it('a leader that is alone against two says so, hands over, and starts over', async () => {
  const wrong = await start('a', { chance: 5 })
  const others = [await start('b'), await start('c')]
  expect(wrong.node.isLeader).toBe(true)
  const demoted = once<[{ reason: string }]>(wrong.node, 'demoted')
  await wrong.node.write('mark', { key: 'k' })
  expect(await wrong.node.write('reveal', { key: 'k' })).toBe(5)
  await finishRange(wrong)

  expect((await demoted)[0].reason).toBe('switchover')
  expect(wrong.differed).toEqual([{ id: wrong.node.id, from: 1, to: SMALL }])
  const next = await eventually(() => others.find(({ node }) => node.isLeader))
  await eventually(() => wrong.node.status().audit.rebuilds === 1)
  await expectEqual(next, wrong, ...others)
  expect(await next.node.write('reveal', { key: 'k' })).toBe(0)
  expect(wrong.node.status()).toMatchObject({ eligible: true, role: 'follower' })
})

it('with two, the leader is believed: what it computed is what clients got', async () => {
  const [leader, follower] = [await start('a', { chance: 5 }), await start('b')]
  await leader.node.write('mark', { key: 'k' })
  await leader.node.write('reveal', { key: 'k' })
  await finishRange(leader)
  await eventually(() => follower.node.status().audit.rebuilds === 1)
  await expectEqual(leader, follower)
  expect(follower.node.read((state) => state.counts.k?.mark)).toBe(5)
  expect(leader.node.isLeader).toBe(true)
})

it('one that differs again at once stays halted, and comes back when another one leads', async () => {
  const [leader, wrong] = [await start('a'), await start('b', { chance: 5 })]
  for (const rebuilds of [0, 1]) {
    await eventually(() => wrong.node.status().audit.rebuilds === rebuilds && !wrong.node.status().halted)
    await finishRange(leader)
    await leader.node.write('lottery')
    await finishRange(leader)
    await eventually(() => wrong.differed.length === rebuilds + 1)
  }
  expect(wrong.warnings).toContain('REPLICA_DIFFERS_AGAIN')
  const { index } = wrong.node.position
  for (let round = 0; round < 3; round++) await finishRange(leader)
  expect(wrong.node.position.index).toBe(index)
  expect(wrong.node.status()).toMatchObject({ halted: 'DIVERGED', eligible: false })
  expect((await errorOf(wrong.node.readAt({ consistency: 'linearizable' }, () => 0))).code).toBe('DIVERGED')

  wrong.own.chance = 0
  await leader.node.stop()
  await eventually(() => wrong.node.isLeader)
  expect(await wrong.node.write('count', { key: 'k' })).toBeGreaterThan(0)
})

it('a snapshot of one that differs is refused, before anybody has named it, and another one is made', async () => {
  const refused: { maker: string; index: number }[] = []
  const warn = (what: object) => {
    if ('maker' in what) refused.push(what as (typeof refused)[number])
  }
  // Heartbeats are rung by hand: so the leader asks for a snapshot before it has heard what its maker computed.
  const options = { snapshotEntries: SMALL, trailingEntries: 0, heartbeatMs: 20_000 }
  const logger = { debug() {}, info() {}, error() {}, warn }
  const leader = await start('a', { ...options, logger })
  const wrong = await start('b', { ...options, chance: 5 })
  const beat = ({ node }: Subject) => node.setUrl('http://127.0.0.1:1')
  await leader.node.write('mark', { key: 'k' })
  await leader.node.write('reveal', { key: 'k' })
  await finishRange(leader)
  await eventually(() => wrong.node.position.index === SMALL)
  beat(leader)
  const [refusal] = await eventually(() => refused.length > 0 && refused)
  expect(refusal).toMatchObject({ maker: wrong.node.id, index: SMALL })
  expect(await snapshotIndex()).toBe(0)
  expect(leader.differed).toEqual([])

  await eventually(() => {
    for (const each of [wrong, leader]) beat(each)
    return wrong.node.status().audit.rebuilds === 1
  })
  expect(await snapshotIndex()).toBeGreaterThan(SMALL)
  await expectEqual(leader, wrong, await start('c'))
})

it('errors whose messages differ are the same', async () => {
  const [leader, other] = [await start('a', { chance: 1 }), await start('b', { chance: 2 })]
  for (const command of ['refuse', 'fail'] as const)
    for (let at = 0; at < 20; at++) await errorOf(leader.node.write(command))
  await finishRange(leader)
  await compared(leader)
  expect([leader.differed, other.differed]).toEqual([[], []])
})

it('compares only replicas of one version: a newer one may answer otherwise', async () => {
  const leader = await start('a')
  const newer = await start('b', { chance: 5, version: 2 })
  const same = await start('c')
  await leader.node.write('lottery')
  await finishRange(leader)
  await compared(leader)
  await eventually(() => newer.node.position.index === leader.node.position.index)
  expect([leader.differed, newer.differed, same.differed]).toEqual([[], [], []])
})

it('where it is off nothing is compared, nor said', async () => {
  const [leader, wrong] = [await start('a', { audit: false }), await start('b', { chance: 5 })]
  const off = await start('c', { chance: 6, audit: false })
  expect(off.node.status().audit).toEqual({ enabled: false, agreedIndex: 0, differs: undefined, rebuilds: 0 })
  await leader.node.write('lottery')
  await finishRange(leader)
  await leader.node.stop()
  // The next leader may compare, but has nobody to compare with.
  const next = await eventually(() => [wrong, off].find(({ node }) => node.isLeader))
  await next.node.write('lottery')
  await finishRange(next)
  await finishRange(next)
  const redis = new Redis(server.url)
  const members = await redis.hgetall(`leasehold:{${group}}:members`)
  redis.disconnect()
  expect(Object.entries(members).filter(([id]) => id === off.node.id || id === leader.node.id)).toHaveLength(
    2,
  )
  for (const id of [off.node.id, leader.node.id]) expect(members[id]).not.toContain('"audit"')
  expect([leader.differed, wrong.differed, off.differed]).toEqual([[], [], []])
})

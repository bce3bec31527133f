import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { startProxy, type TcpProxy } from '../../../test/support/tcp-proxy.js'
import type { NodeOptions, Position, ReadOptions } from '../src/index.js'
import { type JournalNode, journalNode, newGroup, stopNodes } from './nodes.js'

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

async function start(options: Partial<NodeOptions> = {}): Promise<JournalNode> {
  const node = journalNode({ group, redis: server.url, ...options })
  await node.start()
  return node
}

/** A leader and a follower that learns of new entries late, unless a read asks. */
async function pair(options: Partial<NodeOptions> = {}): Promise<[JournalNode, JournalNode]> {
  const leader = await start({ heartbeatMs: 1000, ...options })
  return [leader, await start({ heartbeatMs: 1000, ...options })]
}

async function countAt(node: JournalNode, options: ReadOptions): Promise<number> {
  return node.readAt(options, (state) => state.lines.length)
}

/** How often a script that only reads the log was run since `CONFIG RESETSTAT`. */
async function scriptCalls(): Promise<number> {
  const stats = String(await server.command('INFO', 'commandstats'))
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

describe('linearizable', () => {
  it('sees on a follower whatever was acknowledged before, where a local read often does not', async () => {
    const [leader, follower] = await pair()
    let stale = 0
    for (let i = 1; i <= 200; i++) {
      await leader.write('add', `line ${i}`)
      if ((await countAt(follower, { consistency: 'local' })) < i) stale++
      expect(await countAt(follower, { consistency: 'linearizable' })).toBe(i)
    }
    expect(stale).toBeGreaterThan(0) // else the test shows nothing
  })

  it('sees on the leader what it appended, also while more is on its way', async () => {
    const [leader] = await pair()
    for (let i = 1; i <= 50; i++) {
      await leader.write('add', `line ${i}`)
      const more = [leader.write('add', 'a'), leader.write('add', 'b')]
      expect(await countAt(leader, { consistency: 'linearizable' })).toBeGreaterThanOrEqual(3 * i - 2)
      await Promise.all(more)
    }
  })

  it.each(['leader', 'follower'])('on the %s, many share a look at the log', async (role) => {
    const [leader, follower] = await pair({ heartbeatMs: 20_000 })
    await leader.write('add', 'line')
    const node = role === 'leader' ? leader : follower
    await countAt(node, { consistency: 'linearizable' })
    await server.command('CONFIG', 'RESETSTAT')
    const counts = await Promise.all(
      Array.from({ length: 64 }, () => countAt(node, { consistency: 'linearizable' })),
    )
    expect(new Set(counts)).toEqual(new Set([1]))
    expect(await scriptCalls()).toBeLessThan(16) // some belong to others
  })
})

describe('session', () => {
  it('sees at least the position, which a local read often does not', async () => {
    const [leader, follower] = await pair()
    let stale = 0
    for (let i = 1; i <= 200; i++) {
      await leader.write('add', `line ${i}`)
      const { position } = leader
      if ((await countAt(follower, { consistency: 'local' })) < i) stale++
      expect(await countAt(follower, { consistency: 'session', position })).toBeGreaterThanOrEqual(i)
    }
    expect(stale).toBeGreaterThan(0)
  })

  it('does not ask the log when the replica has the position already', async () => {
    const [leader, follower] = await pair({ heartbeatMs: 20_000 })
    await leader.write('add', 'line')
    const { position } = leader
    await countAt(follower, { consistency: 'session', position })
    await server.command('CONFIG', 'RESETSTAT')
    for (let i = 0; i < 50; i++) await countAt(follower, { consistency: 'session', position })
    expect(await scriptCalls()).toBeLessThan(10)
  })

  it('goes on after the position when a new leader has taken over', async () => {
    const [leader, follower] = await pair({ heartbeatMs: 100 })
    await leader.write('add', 'line')
    const { position } = leader
    await leader.stop()
    await eventually(() => follower.isLeader)
    await follower.write('add', 'another')
    expect(await countAt(follower, { consistency: 'session', position })).toBe(2)
  })

  it.each<[string, (position: Position) => Position]>([
    ['beyond the head', (position) => ({ ...position, index: position.index + 1000 })],
    ['far beyond any log', (position) => ({ ...position, index: 10 ** 14 })],
    ['of a term that never was', (position) => ({ ...position, term: position.term - 1 })],
    ['of another log', (position) => ({ ...position, logId: 'other' })],
  ])('a position %s is refused once the log was asked, and not waited for', async (_name, forge) => {
    const [leader, follower] = await pair()
    await leader.write('add', 'line')
    for (const node of [leader, follower]) {
      const read = countAt(node, {
        consistency: 'session',
        position: forge(leader.position),
        timeoutMs: 600_000,
      })
      await expect(read).rejects.toMatchObject({ code: 'LINEAGE_LOST', retryable: false })
    }
  })
})

it.each<[string, object]>([
  ['another word', { consistency: 'Linearizable' }],
  ['no word', {}],
  ['no time', { consistency: 'linearizable', timeoutMs: 0 }],
  ['a time that is no number', { consistency: 'linearizable', timeoutMs: Number.NaN }],
  ['a time without an end', { consistency: 'session', timeoutMs: Infinity }],
  ['a time that is a text', { consistency: 'local', timeoutMs: '500' }],
])('a read that asks with %s is refused, and not served as a weaker one', async (_, asked) => {
  const node = await start()
  const refusal = { code: 'INVALID_OPTIONS' }
  await expect(countAt(node, asked as ReadOptions)).rejects.toMatchObject(refusal)
  await expect(node.reach(asked as ReadOptions)).rejects.toMatchObject(refusal)
})

describe('when the log is out of reach', () => {
  let way: TcpProxy

  beforeEach(async () => {
    way = await startProxy({ targetPort: server.port })
  })

  it('local reads go on, others say in time that they cannot', async () => {
    const leader = await start()
    const follower = await start({ redis: `redis://127.0.0.1:${way.port}` })
    await leader.write('add', 'line')
    await countAt(follower, { consistency: 'linearizable' })
    way.refuse()
    way.reset()
    await leader.write('add', 'another')

    expect(await countAt(follower, { consistency: 'local' })).toBe(1)
    const { position } = leader
    const options = { timeoutMs: 200 }
    for (const asked of [
      { consistency: 'linearizable', ...options },
      { consistency: 'session', position, ...options },
    ] as const) {
      await expect(countAt(follower, asked)).rejects.toMatchObject({ code: 'LAGGING', retryable: true })
    }
    const later = countAt(follower, { consistency: 'session', position, timeoutMs: 20_000 })
    way.accept()
    expect(await later).toBe(2)
  })
})

it('when the log has lost what the replica holds, local reads go on and others are refused', async () => {
  const redis = await startRedis()
  const node = await start({ redis: redis.url, onRedisDataLoss: 'halt' })
  await node.write('add', 'line')
  const { position } = node
  await redis.wipe()
  await eventually(() => node.status().halted === 'LOG_LOST', { message: 'the loss to be seen' })
  expect(await countAt(node, { consistency: 'local' })).toBe(1)
  expect(await countAt(node, { consistency: 'session' })).toBe(1) // asks for nothing
  for (const asked of [{ consistency: 'linearizable' }, { consistency: 'session', position }] as const) {
    await expect(countAt(node, asked)).rejects.toMatchObject({ code: 'LOG_LOST' })
  }
  await node.stop()
})

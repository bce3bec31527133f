import { Queue } from 'bullmq'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { JOB_OPTIONS } from '../../packages/core/src/redis/bullmq-transport.js'
import { eventually } from '../support/deadline.js'
import { expectNoOpenHandles, handleSnapshot } from '../support/open-handles.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import {
  type CounterNode,
  counterNode,
  type CounterProcess,
  startCounterProcess,
  writeThrough,
} from './counter.js'

afterAll(stopAll)

const keys = keysOf('g')

async function keysIn(redis: RedisServer, pattern = '*'): Promise<string[]> {
  return ((await redis.command('KEYS', `leasehold:{g}:${pattern}`)) as string[]).toSorted()
}

test('one that was killed and one that stopped leave nothing, not even by a job that comes late', async () => {
  const redis = await startRedis()
  // The job must come late but not too late: 3 s from the first sweep of the killed one to the last.
  const options = { group: 'g', redis: redis.url, lease: { ttlMs: 1000 }, heartbeatMs: 100 }
  const killed = await startCounterProcess({ ...options, name: 'killed' })
  const heir = await startCounterProcess({ ...options, name: 'heir' })
  const stopped = counterNode({ ...options, name: 'stopped', eligible: false })
  await stopped.start()
  const [killedId, heirId] = [await killed.id(), await heir.id()]
  const gone = [killedId, stopped.id]
  const queuesLeft = async () => (await Promise.all(gone.map((id) => keysIn(redis, `jobs:${id}:*`)))).flat()

  expect(await killed.leads()).toBe(true)
  await writeThrough([killed])
  for (const id of gone) await eventually(async () => (await keysIn(redis, `jobs:${id}:*`)).length > 0)
  await killed.program.kill9()
  await stopped.stop()
  await eventually(() => heir.leads())
  expect(await heir.members()).toEqual(
    expect.arrayContaining([
      { id: heirId, alive: true },
      { id: killedId, alive: expect.any(Boolean) },
    ]),
  )
  await eventually(async () => (await heir.members()).some(({ id, alive }) => id === killedId && !alive))
  expect((await heir.members()).map(({ id }) => id)).not.toContain(stopped.id)

  await eventually(async () => (await queuesLeft()).length === 0, { message: 'the first sweep' })
  for (const id of gone) {
    const late = new Queue(id, { prefix: keys.jobs, connection: { host: '127.0.0.1', port: redis.port } })
    await late.add('range', { term: 1, to: 1 }, JOB_OPTIONS)
    await late.close()
    expect(await keysIn(redis, `jobs:${id}:wait`)).toHaveLength(1)
  }
  // Long forgotten, though swept only once.
  await eventually(async () => !(await heir.members()).some(({ id }) => id === killedId))
  await eventually(async () => (await redis.command('HLEN', keys.members)) === 1, {
    message: 'the last sweep',
  })
  expect(await redis.command('HKEYS', keys.members)).toEqual([heirId])
  expect(await queuesLeft()).toEqual([])
})

describe('a thousand restarts', () => {
  const SNAPSHOT_ENTRIES = 100
  const [STOPS, CUTS, KILLS] = [930, 50, 20]
  /** Far less than a thousand times what the smallest of keys, or an object of BullMQ, would take. */
  const [REDIS_SLACK_BYTES, HEAP_SLACK_BYTES] = [32_000, 4_000_000]

  let redis: RedisServer
  let pair: CounterProcess[]
  let ids: string[]
  /** Of all entries. */
  const terms = new Set<number>()

  const meta = async (field: string) => Number(await redis.command('HGET', keys.meta, field))
  const records = async () => new Set((await redis.command('HKEYS', keys.members)) as string[])
  const recordOf = async (id: string) => redis.command('HGET', keys.members, id)
  const write = async () => void terms.add(await writeThrough(pair))

  /** Waits for the last sweep, and brings the log to a length that depends on nothing before. */
  async function settle(): Promise<void> {
    await eventually(async () => (await records()).size === pair.length, { message: 'the last sweep' })
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: SNAPSHOT_ENTRIES }, write))
      await eventually(async () => {
        const [head, snapshot] = [await meta('head'), await meta('snapshotIndex')]
        if (head > snapshot && head - snapshot < SNAPSHOT_ENTRIES) await write()
        return head === snapshot
      })
    }
    await eventually(async () => (await meta('first')) === (await meta('snapshotBeforeIndex')) + 1)
  }

  it('leave Redis, and the instances that stay, as large as one', async () => {
    redis = await startRedis()
    const options = {
      ...{ group: 'g', redis: redis.url, lease: { ttlMs: 10_000 }, heartbeatMs: 50 },
      ...{ snapshotEntries: SNAPSHOT_ENTRIES, trailingEntries: 10 },
    }
    const visitor = { ...options, eligible: false }
    pair = []
    for (const name of ['a', 'b']) pair.push(await startCounterProcess({ ...options, name }))
    ids = await Promise.all(pair.map((process) => process.id()))
    const way = await startProxy({ targetPort: redis.port })

    const stop = async (name: string) => {
      const node = counterNode({ ...visitor, name })
      await node.start()
      await write()
      await node.stop()
      expect(await recordOf(node.id)).toContain('"role":"stopped"')
    }
    const cut = async () => {
      way.accept()
      const node = counterNode({ ...visitor, name: 'cut', redis: `redis://127.0.0.1:${way.port}` })
      await node.start()
      await write()
      way.refuse()
      way.reset()
      await node.stop()
      expect(await recordOf(node.id)).toContain('"role":"follower"')
    }
    const kill = async () => {
      const killed = await startCounterProcess({ ...visitor, name: 'killed' })
      const id = await killed.id()
      await write()
      await killed.program.kill9()
      expect(await recordOf(id)).toContain('"role":"follower"')
    }
    const repeat = async (times: number, restart: () => Promise<void>) => {
      for (let i = 0; i < times; i++) await restart()
    }

    for (const restart of [() => stop('one'), cut, kill]) await restart()
    await settle()
    const handles = handleSnapshot()
    const redisBefore = await lasting(redis)
    const before = await Promise.all(pair.map((process) => process.footprint()))

    await Promise.all([
      repeat(STOPS / 2, () => stop('one')),
      repeat(STOPS / 2, () => stop('other')),
      repeat(CUTS, cut),
      repeat(KILLS, kill),
    ])

    await settle()
    const redisAfter = await lasting(redis)
    const after = await Promise.all(pair.map((process) => process.footprint()))
    await expectNoOpenHandles(handles)
    expect(await records()).toEqual(new Set(ids))
    const ofTheLiving = new RegExp(`^jobs:(${ids.join('|')}):`)
    const others = [...redisAfter.keys()].filter((key) => !ofTheLiving.test(key))
    expect(others.filter((key) => !key.startsWith('snapshot:'))).toEqual([
      'changes',
      'log',
      'members',
      'meta',
      'terms',
    ])
    expect(others.filter((key) => key.startsWith('snapshot:'))).toHaveLength(2)
    expect(await termsIn(redis)).toEqual(terms) // the only one that grows: a row for each term that appended
    expect(bytesOf(redisAfter)).toBeLessThan(bytesOf(redisBefore) + REDIS_SLACK_BYTES)
    for (const [i, { heapBytes, resources }] of after.entries()) {
      expect(heapBytes).toBeLessThan((before[i]?.heapBytes ?? 0) + HEAP_SLACK_BYTES)
      expect(socketsIn(resources)).toBe(socketsIn(before[i]?.resources ?? []))
      expect(resources.length).toBeLessThan((before[i]?.resources.length ?? 0) + 10) // a timer more or less
    }
  }, 240_000)
})

test('a leader that is restarted again and again adds a row to the terms each time, and to the last hundred changes', async () => {
  const RESTARTS = 40
  const redis = await startRedis()
  const options = { group: 'g', redis: redis.url, lease: { ttlMs: 1000 }, heartbeatMs: 50 }
  const nodes: CounterNode[] = []
  const terms = new Set<number>()
  const join = async (name: string) => {
    const node = counterNode({ ...options, name })
    await node.start()
    nodes.push(node)
  }
  const restartLeader = async () => {
    const leader = await eventually(() => nodes.find((node) => node.isLeader), { message: 'a leader' })
    await leader.write('increment')
    terms.add(leader.position.term)
    nodes.splice(nodes.indexOf(leader), 1)
    await leader.stop()
    await join(leader.name)
  }
  const swept = () =>
    eventually(async () => (await redis.command('HLEN', keys.members)) === nodes.length, {
      message: 'the last sweep',
    })

  await join('a')
  await join('b')
  for (let i = 0; i < 4; i++) await restartLeader()
  await swept()
  const before = bytesOf(await lasting(redis), 'log', 'changes')
  for (let i = 0; i < RESTARTS; i++) await restartLeader()
  await swept()
  const after = await lasting(redis)
  expect(terms.size).toBeGreaterThanOrEqual(RESTARTS)
  expect(await termsIn(redis)).toEqual(terms)
  expect(bytesOf(after, 'log', 'changes')).toBeLessThan(before + 8000)
  expect(Number(await redis.command('HLEN', keys.changes))).toBeLessThanOrEqual(100 + 1)
  expect(await redis.command('XLEN', keys.log)).toBe(RESTARTS + 4)
  await Promise.all(nodes.map((node) => node.stop()))
})

/** Bytes of each key of the group, by what follows the group's name; without those that expire by themselves. */
async function lasting(redis: RedisServer): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for (const key of await keysIn(redis)) {
    if ((await redis.command('PTTL', key)) !== -1) continue
    const bytes = await redis.command('MEMORY', 'USAGE', key, 'SAMPLES', 0)
    sizes.set(key.slice('leasehold:{g}:'.length), Number(bytes))
  }
  return sizes
}

/** All together, without `terms`, and without `ignored`. */
function bytesOf(sizes: ReadonlyMap<string, number>, ...ignored: string[]): number {
  return [...sizes].reduce(
    (sum, [key, bytes]) => (key === 'terms' || ignored.includes(key) ? sum : sum + bytes),
    0,
  )
}

async function termsIn(redis: RedisServer): Promise<Set<number>> {
  return new Set(((await redis.command('HKEYS', keys.terms)) as string[]).map(Number))
}

function socketsIn(resources: readonly string[]): number {
  return resources.filter((kind) => kind === 'TCPSocketWrap').length
}

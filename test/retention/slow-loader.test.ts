import type { Warning } from '@leasehold/core'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { type LedgerNode, member, write } from './ledger.js'

const nodes: LedgerNode[] = []

afterEach(() => Promise.all(nodes.map((node) => node.stop())))
afterAll(stopAll)

const META = 'leasehold:{ledger}:meta'
const keyOf = (id: string) => `leasehold:{ledger}:snapshot:${id}`
/** A replica that lags further than this is not waited for: eight times what is kept. It does not hold for one that loads. */
const LAG_CAP = 8 * 200
/** Each chunk of the snapshot takes two of them. */
const DELAY_MS = 150
/** Of 250 KB each: some 40 chunks. */
const LARGE_ITEMS = 80

async function meta(redis: RedisServer, field: string): Promise<string> {
  return String(await redis.command('HGET', META, field))
}

/** Where a replica is once it is anywhere: looks at every turn, so before the next page of the log has come. */
async function firstIndexOf(node: LedgerNode): Promise<number> {
  while (node.position.index === 0) await new Promise((resolve) => setImmediate(resolve))
  return node.position.index
}

test('who loads slowly gets all of its snapshot and of the log behind it, however often others replace it', async () => {
  const redis = await startRedis()
  // Who does not beat for three heartbeats counts as gone, and the slow way to Redis is too long for a lease.
  const calm = { heartbeatMs: 1000, settleMs: 100, lease: { redis: redis.url, ttlMs: 20_000 } }
  const [a, b] = [member(redis, 'a', calm), member(redis, 'b', calm)]
  nodes.push(a, b)
  await Promise.all([a.start(), b.start()])
  const leader = a.isLeader ? a : b
  for (let n = 0; n < LARGE_ITEMS; n++) await leader.write('add', { item: `${n} `.padEnd(250_000, 'x') })
  while (Number(await meta(redis, 'first')) <= 1) await write(leader, 50)

  const proxy = await startProxy({ targetPort: redis.port })
  proxy.delay(DELAY_MS)
  const newcomer = member({ url: `redis://127.0.0.1:${proxy.port}` }, 'newcomer', {
    startTimeoutMs: 100_000,
    ...calm,
  })
  nodes.push(newcomer)
  const warnings: Warning[] = []
  newcomer.on('warning', (warning) => warnings.push(warning))
  const started = newcomer.start()
  started.catch(() => {}) // looked at below, if the test comes that far
  const loads = await eventually(
    async () => {
      const members = (await redis.command('HGETALL', 'leasehold:{ledger}:members')) as string[]
      const own = members.find(
        (value) => value.includes(`"id":"${newcomer.id}"`) && value.includes('"loading":true'),
      )
      return /"index":([1-9]\d*)/.exec(own ?? '')?.[1]
    },
    { message: 'it to say what it loads' },
  )
  const loaded = [await meta(redis, 'snapshot'), await meta(redis, 'snapshotBefore')].find((id) =>
    id.startsWith(`${loads}-`),
  )
  const key = keyOf(loaded ?? '')

  // Others take snapshot after snapshot, and the log grows beyond what a replica is waited for.
  const replaced = new Set<string>()
  while (replaced.size < 4 || leader.position.index - Number(loads) < 1.5 * LAG_CAP) {
    await write(leader, 50)
    replaced.add(await meta(redis, 'snapshot'))
  }
  expect(newcomer.position.index).toBe(0) // it is still at it
  expect([...replaced].slice(1)).not.toContain(loaded)

  // It is not needed by anybody else, and would be gone soon, but for its reader.
  const ttlMs = Number(await redis.command('PTTL', key))
  expect(ttlMs).toBeGreaterThan(0)
  await redis.command('PEXPIRE', key, 5000)
  await eventually(async () => Number(await redis.command('PTTL', key)) > 10_000, {
    message: 'it to be kept',
  })
  expect(newcomer.position.index).toBe(0)
  const { members } = await leader.groupStatus()
  expect(members.find(({ id }) => id === newcomer.id)).toMatchObject({ alive: true })
  expect(newcomer.status().idleMs).toBeLessThan(5000) // its heart beats meanwhile

  expect(Number(await meta(redis, 'first'))).toBeLessThanOrEqual(Number(loads) + 1)

  const firstIndex = firstIndexOf(newcomer)
  proxy.delay(0)
  await started
  // From that snapshot it went on, along the log, and from none of those that came after it.
  const after = [...replaced].map((id) => Number.parseInt(id, 10)).filter((index) => index > Number(loads))
  expect(await firstIndex).toBeGreaterThanOrEqual(Number(loads))
  expect(await firstIndex).toBeLessThan(Math.min(...after))
  await write(leader, 50)
  await eventually(() => newcomer.position.index === leader.position.index, { message: 'it to catch up' })
  expect(newcomer.read((state) => state)).toEqual(leader.read((state) => state))
  expect(warnings.map(({ code }) => code)).not.toContain('SNAPSHOT_BAD')
  await eventually(
    async () => {
      await write(leader, 50)
      return Number(await meta(redis, 'first')) > Number(loads) + 1
    },
    { message: 'the log to be trimmed again' },
  )
}, 150_000)

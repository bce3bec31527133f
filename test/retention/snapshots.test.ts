import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { member, stopMembers, write } from './ledger.js'

afterEach(stopMembers)
afterAll(stopAll)

/**
 * Nothing is trimmed before there are two snapshots. At 100 entries a step the first may come at 400, the second at 700
 * and the log be cut when it has 800; three heartbeats of delay more are generous.
 */
const SHORT = 2000

async function logLength(redis: RedisServer): Promise<number> {
  return Number(await redis.command('XLEN', 'leasehold:{ledger}:log'))
}

async function snapshotIndex(redis: RedisServer): Promise<number> {
  return Number(await redis.command('HGET', 'leasehold:{ledger}:meta', 'snapshotIndex'))
}

test('the log stays short, a newcomer and a whole group start from a snapshot', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const [a, b] = [member(redis, 'a'), member(redis, 'b')]
  await Promise.all([a.start(), b.start()])
  const leader = a.isLeader ? a : b
  for (let batch = 0; batch < 40; batch++) {
    await write(leader, 100)
    await eventually(async () => (await logLength(redis)) < SHORT, { message: 'the log to be trimmed' })
  }

  const c = member(redis, 'c')
  await c.start()
  const [first, ...others] = [a, b, c].map((node) => node.read((state) => state))
  for (const other of others) expect(other).toEqual(first)
  expect(first?.items).toHaveLength(4000)
  await Promise.all([a.stop(), b.stop(), c.stop()])

  const d = member(redis, 'd')
  await d.start()
  expect(d.read((state) => state)).toEqual(first)

  // A lone leader takes its snapshots itself.
  const before = await snapshotIndex(redis)
  await write(d, 500)
  await eventually(async () => (await snapshotIndex(redis)) > before, {
    message: 'a snapshot by the lone leader',
  })
  await d.stop()
})

test('snapshots that were replaced go away', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const node = member(redis, 'a')
  await node.start()
  for (let batch = 0; batch < 8; batch++) {
    const before = await snapshotIndex(redis)
    await write(node, 200)
    await eventually(async () => (await snapshotIndex(redis)) > before, { message: 'the next snapshot' })
  }
  const keys = (await redis.command('KEYS', 'leasehold:{ledger}:snapshot:*')) as string[]
  const lasting = []
  for (const key of keys) if ((await redis.command('TTL', key)) === -1) lasting.push(key)
  expect(lasting).toHaveLength(2) // the last and the one before; the others expire
  await node.stop()
})

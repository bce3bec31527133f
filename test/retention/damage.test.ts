import type { Warning } from '@leasehold/core'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { type LedgerNode, member, stopMembers, write } from './ledger.js'

afterEach(stopMembers)
afterAll(stopAll)

async function meta(redis: RedisServer, field: string): Promise<string> {
  return String(await redis.command('HGET', 'leasehold:{ledger}:meta', field))
}

/** A group of one whose log no longer has what two snapshots hold. */
async function trimmedGroup(): Promise<{ redis: RedisServer; leader: LedgerNode }> {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const leader = member(redis, 'leader')
  await leader.start()
  while (Number(await meta(redis, 'first')) < 300) {
    await write(leader, 10)
  }
  // Until the last snapshot is in: a newer one must not come between.
  await eventually(async () => leader.position.index - Number(await meta(redis, 'snapshotIndex')) < 200)
  return { redis, leader }
}

/** Starts a newcomer and gives back what it warned of until it had caught up. */
async function newcomer(redis: RedisServer): Promise<{ node: LedgerNode; warnings: Warning[] }> {
  const node = member(redis, 'newcomer')
  const warnings: Warning[] = []
  node.on('warning', (warning) => warnings.push(warning))
  await node.start()
  return { node, warnings }
}

test.each<[string, (redis: RedisServer, key: string) => Promise<unknown>]>([
  ['with a damaged chunk', (redis, key) => redis.command('HSET', key, '0', 'not what it was')],
  ['with a lost chunk', (redis, key) => redis.command('HDEL', key, '0')],
  ['without its head', (redis, key) => redis.command('HDEL', key, 'head')],
  ['that is gone', (redis, key) => redis.command('DEL', key)],
])('a snapshot %s is refused, and the one before is used', async (_name, damage) => {
  const { redis, leader } = await trimmedGroup()
  const id = await meta(redis, 'snapshot')
  await damage(redis, `leasehold:{ledger}:snapshot:${id}`)

  const { node, warnings } = await newcomer(redis)

  expect(warnings.map(({ code }) => code)).toContain('SNAPSHOT_BAD')
  expect(node.read((state) => state)).toEqual(leader.read((state) => state))
  await Promise.all([node.stop(), leader.stop()])
  await redis.stop()
})

test('a replica that was away until its gap was gone rebuilds itself from the snapshot', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const proxied = await startProxy({ targetPort: redis.port })
  const leader = member(redis, 'leader')
  await leader.start()
  await write(leader, 50)
  const follower = member({ url: `redis://127.0.0.1:${proxied.port}` }, 'follower')
  await follower.start()
  expect(follower.position.index).toBe(50)

  proxied.refuse()
  proxied.reset()
  while (Number(await meta(redis, 'first')) < 300) {
    await write(leader, 10)
  }
  expect(follower.position.index).toBeLessThan(300) // it missed what is gone now
  proxied.accept()

  await eventually(() => follower.position.index === leader.position.index, {
    message: 'the follower to catch up',
  })
  expect(follower.read((state) => state)).toEqual(leader.read((state) => state))
  await Promise.all([follower.stop(), leader.stop()])
})

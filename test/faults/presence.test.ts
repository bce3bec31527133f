import { eventually } from '../support/deadline.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

/** So long that nobody leads by its lapse within a test. */
const TTL_MS = 120_000

let redis: RedisServer

beforeEach(async () => {
  redis = await startRedis({ appendOnly: 'always' })
})
afterEach(stopAll)

const leaseOf = (group: InstanceGroup) => redis.command('GET', `leasehold:{${group.name}}:lease`)
const termOf = async (instance: Instance) => (await instance.status()).instance.term

/** Ids of the instances' connections of one kind. */
async function connections(kind: string): Promise<string[]> {
  const clients = String(await redis.command('CLIENT', 'LIST')).split('\n')
  return clients.filter((line) => line.includes(`:${kind} `)).map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '')
}

/** Waits until the followers have looked at the leader's presence again and again: whom they never saw is never gone. */
async function watched(): Promise<void> {
  const looks = async () => {
    const stats = String(await redis.command('INFO', 'commandstats'))
    return Number(/^cmdstat_pubsub\|numsub:calls=(\d+)/m.exec(stats)?.[1] ?? 0)
  }
  const before = await looks()
  await eventually(async () => (await looks()) > before + 30, { message: 'looks at the leader' })
}

it('G10: a killed leader is replaced long before its lease runs out, time and again', async () => {
  const group = await startGroup({ redis, ttlMs: TTL_MS })
  for (let kill = 1; kill <= 5; kill++) {
    const leader = await group.leader()
    const lease = await leaseOf(group)
    const [follower] = (await group.followers()) as [Instance]
    await watched()
    await leader.kill9()
    expect(await follower.put('key', kill)).toMatchObject({ status: 200 })
    expect(await leaseOf(group)).not.toBe(lease)
    await group.add()
  }
}, 120_000)

it('one that is restarted at the same address is not taken for the one that was killed', async () => {
  const group = await startGroup({ redis, ttlMs: TTL_MS })
  const leader = await group.leader()
  const [follower] = (await group.followers()) as [Instance]
  await watched()
  await leader.kill9()
  const again = await group.add({ PORT: new URL(leader.url).port })
  expect(again.url).toBe(leader.url)
  expect(await follower.put('key', 1)).toMatchObject({ status: 200 })
}, 60_000)

it('a leader goes on leading when its presence is cut off and comes back', async () => {
  const group = await startGroup({ redis, ttlMs: TTL_MS })
  const leader = await group.leader()
  const [term, lease] = [await termOf(leader), await leaseOf(group)]
  for (let round = 0; round < 20; round++) {
    for (const id of await connections('lease-presence')) await redis.command('CLIENT', 'KILL', 'ID', id)
    expect(await leader.put('key', round)).toMatchObject({ status: 200, body: { term } })
  }
  expect(await leaseOf(group)).toBe(lease)
}, 60_000)

it('when every subscription is cut again and again leadership does not run away, and no write fails', async () => {
  const group = await startGroup({ redis, ttlMs: TTL_MS })
  const [instance] = group.instances as [Instance]
  const { leaderChanges: before } = (await instance.status()).group
  for (let round = 0; round < 50; round++) {
    await redis.command('CLIENT', 'KILL', 'TYPE', 'PUBSUB')
    expect(await instance.put('key', round)).toMatchObject({ status: 200 })
  }
  // Each of three instances believes each of the two others to be gone at most once.
  expect((await instance.status()).group.leaderChanges - before).toBeLessThanOrEqual(3 * 2)
}, 60_000)

it('a restart of Redis, which drops every subscription at once, deposes nobody', async () => {
  const group = await startGroup({ redis, ttlMs: TTL_MS })
  const leader = await group.leader()
  const lease = await leaseOf(group)
  for (let restart = 0; restart < 5; restart++) {
    await redis.kill()
    await redis.restart()
    await eventually(async () => (await leader.put('key', restart)).status === 200)
    await eventually(async () => (await connections('lease-presence')).length === 3)
    expect(await leaseOf(group)).toBe(lease)
    expect(await leader.leads()).toBe(true)
  }
}, 120_000)

it('a leader that stands still gives no sign, and is replaced when its lease runs out', async () => {
  const group = await startGroup({ redis, ttlMs: 3000 })
  const leader = await group.leader()
  const [follower] = (await group.followers()) as [Instance]
  await leader.pause()
  const leftMs = Number(await redis.command('PTTL', `leasehold:{${group.name}}:lease`))
  const pausedMs = performance.now()
  expect(await follower.put('key', 1)).toMatchObject({ status: 200 })
  expect(performance.now() - pausedMs).toBeGreaterThan(leftMs - 10)
  leader.resume()
}, 60_000)

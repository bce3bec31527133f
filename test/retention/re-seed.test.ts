import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import type { TcpProxy } from '../support/tcp-proxy.js'
import { member, stopMembers, write } from './ledger.js'
import { type Group, group, itemsOf, ledBy, observe, onLog } from './old-copy.js'

/** G7: what Redis has lost and a living instance holds comes back, by itself. */

afterEach(stopMembers)
afterAll(stopAll)

const META = 'leasehold:{ledger}:meta'

/** The leader and the follower of a group, each with its way to Redis. */
function parted({ nodes, ways }: Group) {
  const [a, b] = [
    { node: nodes[0], way: ways[0] },
    { node: nodes[1], way: ways[1] },
  ]
  return a.node.isLeader ? { leader: a, follower: b } : { leader: b, follower: a }
}

function cut(way: TcpProxy): void {
  way.refuse()
  way.reset()
}

test('after an old copy of Redis the log has again what the instances hold, under the same id', async () => {
  const { redis, nodes, rollBack } = await group()
  const { logId, term } = nodes[0].position
  const before = itemsOf(nodes[0])
  const seen = nodes.map(observe)

  await rollBack()
  await write(await ledBy(nodes), 1)

  await onLog(nodes, logId, 101)
  for (const node of nodes) expect(itemsOf(node).slice(0, 100)).toEqual(before)
  expect(itemsOf(nodes[0])).toEqual(itemsOf(nodes[1]))
  expect(seen.flatMap(({ warnings }) => warnings).filter((code) => code === 'LOG_RE_SEEDED')).toHaveLength(1)
  expect(seen.flatMap(({ losses }) => losses).length).toBeGreaterThan(0)
  expect(seen.flatMap(({ divergences }) => divergences)).toEqual([])
  expect(nodes[0].position.term).toBeGreaterThan(term)
  const newcomer = member(redis, 'newcomer')
  await newcomer.start()
  expect(itemsOf(newcomer)).toEqual(itemsOf(nodes[0]))
})

test.each<[string, (redis: Awaited<ReturnType<typeof startRedis>>) => Promise<unknown>]>([
  ['is flushed', (redis) => redis.wipe()],
  [
    'restarts empty',
    async (redis) => {
      await redis.kill()
      await redis.restart()
    },
  ],
])(
  'when Redis %s, the group goes on with all it had, a newcomer without data among it',
  async (_name, lose) => {
    const redis = await startRedis({ appendOnly: 'no' })
    const nodes = [member(redis, 'a'), member(redis, 'b')] as const
    await Promise.all(nodes.map((node) => node.start()))
    await write(await ledBy(nodes), 300) // more than the log keeps: there is a snapshot, too
    await eventually(() => nodes.every((node) => node.position.index === 300))
    const { logId } = nodes[0].position
    const before = itemsOf(nodes[0])

    await lose(redis)
    const newcomer = member(redis, 'newcomer')
    await newcomer.start()

    const all = [...nodes, newcomer]
    await write(await ledBy(all), 1)
    await onLog(all, logId, 301)
    for (const node of all) expect(itemsOf(node).slice(0, 300)).toEqual(before)
  },
)

test('a write that was acknowledged with a replica survives the loss of Redis together with the leader', async () => {
  const redis = await startRedis({ appendOnly: 'no' })
  const nodes = ['a', 'b', 'c'].map((name) => member(redis, name, { writeConcern: { replicas: 1 } }))
  await Promise.all(nodes.map((node) => node.start()))
  const leader = await ledBy(nodes)
  await write(leader, 50)
  const { logId } = leader.position
  const items = itemsOf(leader)

  await Promise.all([redis.kill(), leader.stop()])
  await redis.restart()

  const left = nodes.filter((node) => node !== leader)
  await write(await ledBy(left), 1)
  await onLog(left, logId, 51)
  for (const node of left) for (const item of items) expect(itemsOf(node)).toContain(item)
})

test('the one that holds the most puts it back, whoever claims first', async () => {
  const old = await group()
  const { redis, nodes } = old
  const { logId } = nodes[0].position
  const { leader, follower } = parted(old)
  cut(follower.way)
  await write(leader.node, 50) // which the other one does not have
  const seen = observe(leader.node)
  await redis.wipe()
  follower.way.accept()
  await eventually(() => seen.losses.length > 0, { message: 'the leader to see the loss' })
  await write(await ledBy(nodes), 1)

  await onLog(nodes, logId, 151)
  expect(itemsOf(nodes[0])).toHaveLength(151)
  expect(itemsOf(nodes[1])).toEqual(itemsOf(nodes[0]))
})

test('what nobody is left to hold is lost, and whoever comes back with it learns that', async () => {
  const old = await group({ settleMs: 500 })
  const { redis, nodes } = old
  const { leader: away, follower } = parted(old)
  const seen = observe(away.node)
  cut(follower.way)
  await write(away.node, 49)
  // Not acknowledged, since nobody else has it: those before were, by Redis alone.
  const careful = { writeConcern: { replicas: 1 }, timeoutMs: 300 } as const
  await expect(away.node.write('add', { item: 'careful' }, careful)).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
  })
  const lost = away.node.position
  cut(away.way)
  await redis.wipe()
  follower.way.accept()
  await write(await ledBy([follower.node]), 1)
  expect(itemsOf(follower.node)).toHaveLength(101)

  const asked = { consistency: 'session', position: lost } as const
  await expect(follower.node.readAt(asked, () => {})).rejects.toMatchObject({ code: 'LINEAGE_LOST' })
  away.way.accept()
  await onLog(nodes, follower.node.position.logId, 101)
  await eventually(() => away.node.position.index === follower.node.position.index)
  expect(seen.divergences).toEqual([
    { position: expect.objectContaining({ index: 150 }), agreedIndex: 100, lost: 50 },
  ])
  expect(itemsOf(away.node)).toEqual(itemsOf(follower.node))
  expect(Number(await redis.command('HGET', META, 'head'))).toBe(follower.node.position.index)
})

import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { member, stopMembers, write } from './ledger.js'
import { backUp, group, itemsOf, ledBy, observe, onLog } from './old-copy.js'

afterEach(stopMembers)
afterAll(stopAll)

test('an old copy of Redis is seen: nobody writes over what the instances still hold, and where that was asked for all wait', async () => {
  const { redis, nodes, rollBack } = await group({ onRedisDataLoss: 'halt' })
  const seen = nodes.map(observe)
  const before = itemsOf(nodes[0])
  const newest = await backUp(redis)

  await rollBack()

  await eventually(() => nodes.every((node) => node.status().halted === 'LOG_LOST'), {
    message: 'both to see the loss',
  })
  expect(seen.map(({ losses }) => losses.map(({ head, position }) => [head, position.index]))).toEqual([
    [[60, 100]],
    [[60, 100]],
  ])
  for (const node of nodes) {
    expect(itemsOf(node)).toEqual(before) // local reads go on
    expect(node.status()).toMatchObject({ stale: true, eligible: false })
    await expect(node.write('add', { item: 'x' })).rejects.toMatchObject({ code: 'LOG_LOST' })
  }
  // It has no reason of its own to doubt the log; the others tell it.
  const newcomer = member(redis, 'newcomer', { startTimeoutMs: 5000 })
  const warnings: string[] = []
  newcomer.on('warning', ({ message }) => warnings.push(message))
  await expect(newcomer.start()).rejects.toMatchObject({ code: 'START_TIMEOUT' })
  expect(warnings.join()).toContain('has lost entries that n')
  expect(Number(await redis.command('HGET', 'leasehold:{ledger}:meta', 'head'))).toBe(60)

  await newest() // the right copy: everything is there again, and nobody had to be restarted
  await write(await ledBy(nodes), 1)
  await onLog(nodes, nodes[0].position.logId, 101)
  expect(itemsOf(nodes[1]).slice(0, 100)).toEqual(before)
  expect(itemsOf(nodes[0])).toEqual(itemsOf(nodes[1]))
  expect(seen.flatMap(({ divergences }) => divergences)).toEqual([])
  await Promise.all(nodes.map((node) => node.stop()))
})

test('an instance that claimed, and only waits to hear what the others have, does not count as a leader', async () => {
  const { redis, ways, nodes, rollBack } = await group({ settleMs: 60_000, onRedisDataLoss: 'halt' })
  for (const way of ways) {
    way.refuse()
    way.reset()
  }
  await rollBack()
  // Somebody is connected who never answers.
  const mute = new Redis(redis.url)
  await mute.subscribe(keysOf('ledger').presence('mute'))
  for (const way of ways) way.accept()

  const claimant = await eventually(() =>
    nodes.find((node) => node.status().halted === 'LOG_LOST' && node.role === 'candidate'),
  )
  const newcomer = member(redis, 'newcomer', { startTimeoutMs: 2000 })
  await expect(newcomer.start()).rejects.toMatchObject({ code: 'START_TIMEOUT' })

  expect(claimant.role).toBe('candidate') // it was still waiting, or this shows nothing
  mute.disconnect()
  await eventually(() => claimant.role === 'follower', { message: 'it to give up' })
  await Promise.all(nodes.map((node) => node.stop()))
})

test.each([
  ['is idle', false],
  ['is written to', true],
])(
  'whoever was away while the others went on with less learns what was lost, also when the group %s',
  async (_name, busy) => {
    const { redis, ways, nodes, rollBack } = await group()
    const [way, away] = [ways[0], nodes[0]]
    const seen = observe(away)
    way.refuse()
    way.reset()
    await nodes[1].stop()
    await rollBack()

    // It cannot know of the one that is away: nobody who is connected holds more than the log.
    const heir = member(redis, 'heir')
    await heir.start()
    expect(itemsOf(heir)).toHaveLength(60)
    await ledBy([heir])
    if (busy) await write(heir, 70)
    expect(away.position.index).toBe(100)
    way.accept()

    await eventually(
      () => away.position.index === heir.position.index && away.status().halted === undefined,
      {
        message: 'the one that was away to be on the log again',
      },
    )
    expect(seen.divergences).toEqual([
      { position: expect.objectContaining({ index: 100 }), agreedIndex: 60, lost: 40 },
    ])
    expect(itemsOf(away)).toEqual(itemsOf(heir))
    expect(itemsOf(heir)).toHaveLength(busy ? 130 : 60)
    // An idle group has an entry more, which changes nothing, so that the two histories differ.
    expect(heir.position.index).toBeGreaterThanOrEqual(busy ? 130 : 61)
    await Promise.all([away.stop(), heir.stop()])
  },
)

test('another log in place of theirs is seen, and the instances rebuild themselves from it', async () => {
  const { redis, nodes } = await group()
  const theirs = nodes[0].position.logId
  const seen = nodes.map(observe)
  const otherRedis = await startRedis({ appendOnly: 'always' })
  const other = member(otherRedis, 'other')
  await other.start()
  await write(other, 30)
  const { logId } = other.position
  await other.stop()

  const [right, wrong] = [redis, otherRedis].map(({ dir }) => join(dir, 'appendonlydir')) as [string, string]
  await Promise.all([redis.kill(), otherRedis.kill()])
  await cp(right, `${right}-right`, { recursive: true })
  await rm(right, { recursive: true })
  await cp(wrong, right, { recursive: true })
  await redis.restart()

  await eventually(() => nodes.every((node) => node.position.logId === logId && node.position.index >= 30), {
    message: 'both to follow the log that is there',
  })
  for (const { divergences } of seen)
    expect(divergences).toEqual([
      { position: expect.objectContaining({ logId: theirs, index: 100 }), agreedIndex: 0, lost: 100 },
    ])
  await ledBy(nodes)
  for (const node of nodes) expect(itemsOf(node)).toHaveLength(30)

  // The right one again: they go back to it, with all that it holds.
  await redis.kill()
  await rm(right, { recursive: true })
  await cp(`${right}-right`, right, { recursive: true })
  await redis.restart()
  await eventually(
    () => nodes.every((node) => node.position.logId === theirs && node.position.index >= 100),
    {
      message: 'both to be back',
    },
  )
  expect(itemsOf(nodes[0])).toHaveLength(100)
  expect(itemsOf(nodes[0])).toEqual(itemsOf(nodes[1]))
  await Promise.all(nodes.map((node) => node.stop()))
})

test('an instance with a wrong database number starts no group of its own beside the others', async () => {
  const { redis, nodes } = await group()
  const warnings: string[] = []
  const lost = member({ url: `${redis.url}/1` }, 'lost', { startTimeoutMs: 5000, settleMs: 200 })
  lost.on('warning', ({ message }) => warnings.push(message))

  await expect(lost.start()).rejects.toMatchObject({ code: 'START_TIMEOUT' })

  expect(warnings.join()).toContain('use another database number')
  await redis.command('SELECT', 1)
  expect(await redis.command('HGET', 'leasehold:{ledger}:meta', 'logId')).toBeNull()
  await Promise.all(nodes.map((node) => node.stop()))
})

test('an old copy from before the first write is a loss, too: whoever has nothing serves nothing', async () => {
  const redis = await startRedis({ appendOnly: 'always' })
  const holder = member(redis, 'holder')
  const other = member(redis, 'other')
  const seen = observe(holder)
  await holder.start()
  const rollBack = await backUp(redis)
  await other.start()
  await write(holder, 3)
  const written = itemsOf(holder)
  await holder.setEligible(false) // or it would lead again before anybody else can
  await other.stop()
  await rollBack()
  await eventually(() => seen.losses.length > 0, { message: 'the holder to see the loss' })

  const newcomer = member(redis, 'newcomer')
  const warnings: string[] = []
  newcomer.on('warning', ({ message }) => warnings.push(message))
  const started = newcomer.start()
  await eventually(() => warnings.some((message) => message.includes('has lost entries that holder')), {
    message: 'the newcomer to hear what the holder has',
  })
  await holder.setEligible(true)
  await started

  expect(itemsOf(holder)).toEqual(written)
  expect(itemsOf(newcomer)).toEqual(written)
  expect(seen.divergences).toEqual([])
  await Promise.all([holder, newcomer].map((node) => node.stop()))
})

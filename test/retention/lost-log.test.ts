import { createNode } from '@leasehold/core'
import { ledger } from '../faults/ledger.js'
import { LedgerProcesses } from '../faults/ledger-process.js'
import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type LedgerNode, member, stopMembers, write } from './ledger.js'

afterEach(stopMembers)
afterAll(stopAll)

/** Two instances with 50 entries, which do not put back by themselves what Redis loses. */
async function pair(redis: { url: string }): Promise<[LedgerNode, LedgerNode]> {
  const halt = { onRedisDataLoss: 'halt' } as const
  const [a, b] = [member(redis, 'a', halt), member(redis, 'b', halt)]
  await Promise.all([a.start(), b.start()])
  await write(a.isLeader ? a : b, 50)
  await eventually(() => a.position.index === 50 && b.position.index === 50)
  return [a, b]
}

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
  'when Redis %s, a newcomer without data starts no new log over what the others hold',
  async (_name, lose) => {
    const redis = await startRedis({ appendOnly: 'no' })
    const [a, b] = await pair(redis)
    const losses: number[] = []
    for (const node of [a, b]) node.on('logLost', ({ head }) => losses.push(head))

    await lose(redis)
    const newcomer = member(redis, 'newcomer', { startTimeoutMs: 6000 })
    const refusals: string[] = []
    newcomer.on('warning', ({ code }) => refusals.push(code))
    await expect(newcomer.start()).rejects.toMatchObject({ code: 'START_TIMEOUT' })

    expect(refusals).toContain('LOG_LOST') // it led for a moment, heard of the others, and gave up
    expect(await redis.command('HGET', 'leasehold:{ledger}:meta', 'logId')).toBeNull()
    expect(losses).toEqual([0, 0])
    for (const node of [a, b]) {
      expect(node.read((state) => state.items)).toHaveLength(50) // local reads go on
      expect(node.status()).toMatchObject({ stale: true, halted: 'LOG_LOST', role: 'follower' })
      await expect(node.write('add', { item: 'x' })).rejects.toMatchObject({ code: 'LOG_LOST' })
    }
    await Promise.all([a.stop(), b.stop()])
  },
)

test('when Redis is flushed while the only other instance stands still, no new log is started over what that one holds', async () => {
  const redis = await startRedis({ appendOnly: 'no' })
  const group = new LedgerProcesses({ redis: redis.url })
  const frozen = await group.add('frozen')
  expect(await frozen.write('the only item')).toMatchObject({ code: 'OK' })
  await frozen.program.pause()
  await redis.wipe()

  const options = { group: group.name, startTimeoutMs: 4000, settleMs: 200 }
  const newcomer = createNode({ ...options, name: 'newcomer', redis: redis.url, stateMachine: ledger })
  const warnings: string[] = []
  newcomer.on('warning', ({ message }) => warnings.push(message))
  await expect(newcomer.start()).rejects.toMatchObject({ code: 'START_TIMEOUT' })

  expect(warnings.join()).toMatch(/There is no log here, and frozen-\w+ is connected/)
  expect(await redis.command('HGET', group.keys.meta, 'logId')).toBeNull()
  frozen.program.resume()
  expect((await frozen.ledger()).items).toEqual(['the only item'])
})

test('once nobody holds anything of the old log, a new one is started', async () => {
  const redis = await startRedis({ appendOnly: 'no' })
  const [a, b] = await pair(redis)
  const { logId } = a.position
  await redis.wipe()
  await eventually(() => a.status().halted === 'LOG_LOST' && b.status().halted === 'LOG_LOST')
  await Promise.all([a.stop(), b.stop()])

  const fresh = member(redis, 'fresh')
  await fresh.start()
  await write(fresh, 1)
  expect(fresh.position).toMatchObject({ index: 1 })
  expect(fresh.position.logId).not.toBe(logId)
  await fresh.stop()
})

test('after a restart that lost nothing a leader does not wait out settleMs: all who were known have answered', async () => {
  const redis = await startRedis({ appendOnly: 'always' })
  const first = member(redis, 'first', { settleMs: 100 }) // to start the log on a server that has just started
  await first.start()
  await first.stop()
  const nodes = ['a', 'b', 'c'].map((name) => member(redis, name, { settleMs: 600_000 }))
  await Promise.all(nodes.map((node) => node.start()))
  const leader = () => eventually(() => nodes.find((node) => node.isLeader), { message: 'a leader' })
  await write(await leader(), 10)
  const replId = await redis.command('HGET', 'leasehold:{ledger}:meta', 'replId')

  await redis.restart()
  await eventually(async () => write(await leader(), 1).then(() => true), { message: 'writes to go on' })

  expect(await redis.command('HGET', 'leasehold:{ledger}:meta', 'replId')).not.toBe(replId)
  await Promise.all(nodes.map((node) => node.stop()))
})

import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type LedgerNode, member, stopMembers, write } from './ledger.js'

afterEach(stopMembers)
afterAll(stopAll)

/** Two instances with 50 entries. */
async function pair(redis: { url: string }): Promise<[LedgerNode, LedgerNode]> {
  const [a, b] = [member(redis, 'a'), member(redis, 'b')]
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

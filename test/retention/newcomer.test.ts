import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { metaOf, startStore, type StoreProcess } from './store-process.js'

/** Processes; they need a build. */
afterAll(stopAll)

const ITEMS = 100_000
/** Each with one write at a time. */
const CLIENTS = 256
/** Small enough that snapshots are taken and the log is cut all the time. */
const RETENTION = { snapshotEntries: 4000, trailingEntries: 2000 }

/** Waits until a follower has what the leader had a moment ago, so many times. */
async function keepsUp(follower: StoreProcess, leader: StoreProcess, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const { index } = await leader.look()
    await eventually(async () => (await follower.look()).index >= index, {
      message: 'the follower to keep up',
    })
  }
}

test('a newcomer with a large state to load joins under full load, and nobody else notices', async () => {
  const redis = await startRedis()
  const group = 'newcomer'
  const options = { redis: redis.url, ...RETENTION }
  const leader = await startStore(group, 'leader', options)
  await leader.started()
  const follower = await startStore(group, 'follower', options)
  await follower.started()
  const { bytes } = await leader.call<{ bytes: number }>('fill', { items: ITEMS, bytes: 300 })
  expect(bytes).toBeGreaterThan(30_000_000)
  const { term } = await leader.look()
  const first = () => metaOf(redis, group, 'first')
  const moves = (from: number) =>
    eventually(async () => (await first()) > from, { timeoutMs: 60_000, message: 'the log to be cut' })

  await leader.call('startLoad', { clients: CLIENTS, items: ITEMS })
  await moves(1)
  await leader.written()
  await moves(await first())
  const before = await leader.written()

  const startMs = performance.now()
  const newcomer = await startStore(group, 'newcomer', options)
  await newcomer.started()
  const during = await leader.written()
  const joinMs = performance.now() - startMs
  await keepsUp(newcomer, leader, 5)
  await moves(await first()) // with three as with two
  const after = await leader.written()
  await leader.call('stopLoad')

  expect([before.errors, during.errors, after.errors]).toEqual([[], [], []])
  expect(during.acknowledged).toBeGreaterThan(0)
  expect(await leader.look()).toMatchObject({ leads: true, term })
  for (const member of [follower, newcomer]) {
    const { warnings, status } = await member.look()
    expect(warnings.map(({ code }) => code)).not.toContain('SNAPSHOT_BAD')
    expect(status.halted).toBeUndefined()
  }
  const head = await metaOf(redis, group, 'head')
  const all = [leader, follower, newcomer]
  await eventually(
    async () => (await Promise.all(all.map((each) => each.look()))).every(({ index }) => index === head),
    { message: 'all to be at the head' },
  )
  const [held, ...others] = await Promise.all(all.map((each) => each.digest()))
  for (const other of others) expect(other).toEqual(held)
  if (process.env['MEASURE'])
    process.stderr.write(`${JSON.stringify({ bytes, joinMs, before, during, after, head })}\n`)
}, 240_000)

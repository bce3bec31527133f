import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { metaOf, startStore, type StoreProcess } from './store-process.js'

/** Processes; they need a build. */
afterAll(stopAll)

const ITEMS = 100_000
const CLIENTS = 64
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

  await leader.call('startLoad', { clients: CLIENTS, items: ITEMS })
  await eventually(async () => (await metaOf(redis, group, 'first')) > 1, {
    timeoutMs: 60_000,
    message: 'a trimmed log',
  })
  await leader.written()
  await new Promise((r) => setTimeout(r, 5000))
  const before = await leader.written()
  const firstBefore = await metaOf(redis, group, 'first')

  const startMs = performance.now()
  const newcomer = await startStore(group, 'newcomer', options)
  await newcomer.started()
  const during = await leader.written()
  const joinMs = performance.now() - startMs
  await keepsUp(newcomer, leader, 5)
  const after = await leader.written()
  await leader.call('stopLoad')
  process.stderr.write(
    newcomer.program.stderr() +
      JSON.stringify(
        {
          bytes,
          joinMs,
          before,
          during,
          after,
          w: (await newcomer.look()).warnings,
          f: (await follower.look()).warnings,
          first: [firstBefore, await metaOf(redis, group, 'first')],
          head: await metaOf(redis, group, 'head'),
        },
        null,
        1,
      ) +
      '\n',
  )

  expect([before.errors, during.errors, after.errors]).toEqual([[], [], []])
  expect(during.acknowledged).toBeGreaterThan(0)
  expect(await leader.look()).toMatchObject({ leads: true, term })
  const head = await metaOf(redis, group, 'head')
  const all = [leader, follower, newcomer]
  await eventually(async () =>
    (await Promise.all(all.map((each) => each.look()))).every(({ index }) => index === head),
  )
  const [first, ...others] = await Promise.all(all.map((each) => each.digest()))
  for (const other of others) expect(other).toEqual(first)
}, 180_000)

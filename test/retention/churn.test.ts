import { eventually } from '../support/deadline.js'
import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type LedgerNode, member, stopMembers, write } from './ledger.js'

afterEach(stopMembers)
afterAll(stopAll)

test('instances come and go under load: snapshots keep up, and all replicas stay equal', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const random = seededRandom(11)
  let number = 0
  const nodes: LedgerNode[] = []
  const differed: unknown[] = []
  const join = async () => {
    const node = member(redis, `m${number++}`)
    node.on('differed', (event) => differed.push(event))
    await node.start()
    nodes.push(node)
  }
  await Promise.all([join(), join(), join()])

  let acknowledged = 0
  const load = new AbortController()
  const loading = (async () => {
    while (!load.signal.aborted) {
      const leader = nodes.find((node) => node.isLeader)
      if (leader)
        await write(leader, 20).then(
          () => (acknowledged += 20),
          () => {},
        )
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()

  for (let round = 0; round < 12; round++) {
    const [leaving] = nodes.splice(Math.floor(random() * nodes.length), 1)
    await leaving?.stop()
    const before = acknowledged
    await eventually(() => acknowledged > before + 400, { message: 'writes to go on' })
    await join()
  }
  load.abort()
  await loading

  const head = Math.max(...nodes.map((node) => node.position.index))
  await eventually(() => nodes.every((node) => node.position.index >= head), {
    message: 'all to be at the head',
  })
  const [first, ...others] = nodes.map((node) => node.read((state) => state))
  for (const other of others) expect(other).toEqual(first)
  expect(first?.items.length).toBeGreaterThanOrEqual(acknowledged)
  expect(new Set(first?.items).size).toBe(first?.items.length)
  expect(Number(await redis.command('XLEN', 'leasehold:{ledger}:log'))).toBeLessThan(head / 2)
  // The audit has compared what they computed, most of them from a snapshot on, and found nobody.
  await eventually(() => nodes.some((node) => node.status().audit.agreedIndex > head - 500))
  expect(differed).toEqual([])
  await Promise.all(nodes.map((node) => node.stop()))
})

import { importSnapshot } from '@leasehold/core'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LedgerNode, member, write } from '../retention/ledger.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { exported, headerOf, PATIENT } from './vault.js'

let redis: RedisServer
const running: LedgerNode[] = []

beforeEach(async () => {
  redis = await startRedis({ appendOnly: 'no' })
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()))
  await redis.stop()
})
afterAll(stopAll)

async function start(name: string): Promise<LedgerNode> {
  const node = member(redis, name, { ...PATIENT, settleMs: 200, onRedisDataLoss: 'halt' })
  running.push(node)
  await node.start()
  return node
}

/** The first leads. */
const startTwo = async (): Promise<[LedgerNode, LedgerNode]> => [await start('a'), await start('b')]

const leaderOf = (nodes: readonly LedgerNode[]) =>
  eventually(() => nodes.find((node) => node.isLeader), { message: 'a leader' })

const into = (file: Buffer, replace = false) =>
  importSnapshot({ group: 'ledger', redis: redis.url, replace }, [file])

const itemsOf = (node: LedgerNode) => node.read((state) => [...state.items])

/** Waits until all are at one position of this log, and gives what they hold, which is the same. */
async function equal(nodes: readonly LedgerNode[], logId: string): Promise<string[]> {
  await eventually(
    () => new Set(nodes.map(({ position: { logId, index } }) => `${logId} ${index}`)).size === 1,
    { message: 'all to be at one position' },
  )
  const [first, ...others] = nodes as [LedgerNode, ...LedgerNode[]]
  expect(first.position.logId).toBe(logId)
  for (const other of others) {
    expect(other.position).toEqual(first.position)
    expect(other.read((state) => state)).toEqual(first.read((state) => state))
  }
  return itemsOf(first)
}

/** Writes to whoever leads until it is stopped, and notes what each write came to, and after which import. */
function startLoad(nodes: readonly LedgerNode[]) {
  const ended = new AbortController()
  const written: { item: string; logId: string; code: string; index: number }[] = []
  let number = 0
  const writer = async () => {
    while (!ended.signal.aborted) {
      const leader = nodes.find((node) => node.isLeader)
      if (!leader) {
        await sleep(5)
        continue
      }
      const item = `load-${number++}`
      await leader.submit('add', { item }).then(
        // The answer is given when the entry is applied: the replica is at it, or further in the same log.
        ({ index }) => written.push({ item, code: 'OK', index, logId: leader.position.logId }),
        ({ code }: { code: string }) => written.push({ item, code, index: 0, logId: '' }),
      )
    }
  }
  const done = Promise.all([writer(), writer(), writer(), writer()])
  return {
    written,
    async stop() {
      ended.abort()
      await done
      return written
    },
  }
}

test('a group that is under load goes on from what is imported in place of what it has', async () => {
  const nodes = await startTwo()
  const leader = await leaderOf(nodes)
  await write(leader, 300)
  const follower = nodes.find((node) => node !== leader) as LedgerNode
  await eventually(() => follower.position.index === 300)
  const file = await exported(follower)
  expect(headerOf(file)).toMatchObject({ index: 300 })
  const kept = itemsOf(follower)
  const { logId: before } = leader.position
  const diverged: number[] = []
  const exports: Promise<unknown>[] = []
  for (const node of nodes) {
    node.on('diverged', ({ lost }) => {
      diverged.push(lost)
      exports.push(exported(node).then(headerOf, ({ code }: { code: string }) => code))
    })
  }

  const load = startLoad(nodes)
  await eventually(() => load.written.length > 500, { message: 'entries that the import will drop' })
  const { logId, index, term } = await into(file, true)
  expect({ index, term }).toEqual({ index: 300, term: headerOf(file).term })
  await eventually(() => load.written.filter((one) => one.logId === logId).length > 500, {
    message: 'writes to go on in the new log',
  })
  const written = await load.stop()

  // Everybody has the imported state and behind it, once each and in order, what was acknowledged since.
  const items = await equal(nodes, logId)
  expect(items.slice(0, 300)).toEqual(kept)
  const own = items.slice(300)
  expect(new Set(own).size).toBe(own.length)
  const acknowledged = written.filter((one) => one.logId === logId)
  expect(acknowledged.map(({ index: at }) => items[at - 1])).toEqual(acknowledged.map(({ item }) => item))
  // What was acknowledged before is gone with the log that it stood in; what was refused is nowhere.
  expect(before).not.toBe(logId)
  const gone = written.filter(
    ({ code, logId: log }) => log === before || (code !== 'OK' && code !== 'OUTCOME_UNKNOWN'),
  )
  expect(gone.length).toBeGreaterThan(400)
  expect(own.filter((item) => gone.some((one) => one.item === item))).toEqual([])
  const codes = new Set(written.map(({ code }) => code))
  expect(['OK', 'NOT_LEADER', 'OUTCOME_UNKNOWN']).toEqual(expect.arrayContaining([...codes]))
  expect(diverged.length).toBeGreaterThanOrEqual(2)
  // Nobody gets a copy of something that is half rebuilt.
  const copies = (await Promise.all(exports)).filter((copy) => copy !== 'DIVERGED' && copy !== 'NOT_STARTED')
  for (const copy of copies) expect(copy).toMatchObject({ logId, stale: false })
})

test('the snapshots of a log that was replaced go away, and its entries have gone', async () => {
  const node = await start('a')
  for (let batch = 0; batch < 4; batch++) {
    const { index } = node.position
    await write(node, 200)
    await eventually(
      async () => Number(await redis.command('HGET', 'leasehold:{ledger}:meta', 'snapshotIndex')) > index,
      { message: 'a snapshot' },
    )
  }
  const before = (await redis.command('KEYS', 'leasehold:{ledger}:snapshot:*')) as string[]
  expect(before.length).toBeGreaterThanOrEqual(2)

  const { logId, index } = await into(await exported(node), true)

  for (const key of before) expect(await redis.command('TTL', key)).toBeGreaterThan(0)
  await eventually(() => node.position.logId === logId && node.isLeader, { message: 'the rebuild' })
  expect(node.position).toMatchObject({ index, logId })
  expect(await redis.command('XLEN', 'leasehold:{ledger}:log')).toBe(0)
  await write(node, 1)
  expect(await redis.command('XLEN', 'leasehold:{ledger}:log')).toBe(1)
})

test('a group that is down and whose Redis has lost everything comes up with what was exported', async () => {
  const nodes = await startTwo()
  await write(await leaderOf(nodes), 500)
  await eventually(() => nodes.every(({ position }) => position.index === 500))
  const file = await exported(nodes[1])
  const before = itemsOf(nodes[0])
  await Promise.all(running.splice(0).map((node) => node.stop()))
  await redis.wipe()

  const { logId } = await into(file)

  const up = await Promise.all(['c', 'd'].map(start))
  await write(await leaderOf(up), 300)
  const items = await equal(up, logId)
  expect(items.slice(0, 500)).toEqual(before)
  expect(items).toHaveLength(800)
})

test('instances that outlived their log go on once the copy of one of them is imported', async () => {
  const nodes = await startTwo()
  await write(await leaderOf(nodes), 350)
  await eventually(() => nodes.every(({ position }) => position.index === 350))
  const before = itemsOf(nodes[0])
  await redis.wipe()
  await eventually(() => nodes.every((node) => node.status().halted === 'LOG_LOST'), {
    message: 'both to see that the log is lost',
  })
  for (const node of nodes) {
    await expect(node.write('add', { item: 'x' })).rejects.toMatchObject({ code: 'LOG_LOST' })
  }

  const most = nodes.toSorted((x, y) => y.position.index - x.position.index)[0] as LedgerNode
  const file = await exported(most)
  expect(headerOf(file)).toMatchObject({ index: 350, stale: true, halted: 'LOG_LOST' })
  await expect(into(file)).rejects.toMatchObject({ code: 'GROUP_NOT_EMPTY' })
  const { logId } = await into(file, true)

  const leader = await leaderOf(nodes)
  await write(leader, 250)
  const newcomer = await start('newcomer')
  const items = await equal([...nodes, newcomer], logId)
  expect(items.slice(0, 350)).toEqual(before)
  expect(items).toHaveLength(600)
})

test('an instance that was ahead of what is imported gives up what is more', async () => {
  const nodes = await startTwo()
  await write(await leaderOf(nodes), 100)
  await eventually(() => nodes.every(({ position }) => position.index === 100))
  const file = await exported(nodes[0])
  await write(await leaderOf(nodes), 50)
  await eventually(() => nodes.every(({ position }) => position.index === 150))
  await redis.wipe()
  await eventually(() => nodes.every((node) => node.status().halted === 'LOG_LOST'))

  const { logId } = await into(file, true)

  await write(await leaderOf(nodes), 10)
  expect(await equal(nodes, logId)).toHaveLength(110)
})

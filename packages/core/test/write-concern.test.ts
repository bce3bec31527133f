import { eventually } from '../../../test/support/deadline.js'
import { inlineCommand } from '../../../test/support/inline-redis.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { startProxy, type TcpProxy } from '../../../test/support/tcp-proxy.js'
import type { NodeOptions, WriteConcern } from '../src/index.js'
import { type JournalNode, journalNode, newGroup, stopNodes } from './nodes.js'

let server: RedisServer
let group: string

beforeAll(async () => {
  server = await startRedis()
})

/** So long that whoever is cut off counts as alive for the whole test. */
const HEARTBEAT_MS = 20_000
/** What an instance says as its connections come back may be lost; then it says it with the next heartbeat. */
const PATIENT_MS = 2 * HEARTBEAT_MS

beforeEach(() => {
  group = newGroup()
})

afterEach(stopNodes)
afterAll(stopAll)

async function start(options: Partial<NodeOptions> = {}): Promise<JournalNode> {
  const node = journalNode({
    ...{ group, redis: server.url, heartbeatMs: HEARTBEAT_MS, writeTimeoutMs: PATIENT_MS },
    ...options,
  })
  await node.start()
  return node
}

/** A leader and followers that can be cut off; with these heartbeats they count as alive for the whole test. */
async function groupOf(followers: number): Promise<{ leader: JournalNode; ways: TcpProxy[] }> {
  const leader = await start()
  const ways: TcpProxy[] = []
  for (let i = 0; i < followers; i++) {
    const way = await startProxy({ targetPort: server.port })
    ways.push(way)
    await start({ redis: `redis://127.0.0.1:${way.port}` })
  }
  await eventually(async () => (await leader.groupStatus()).members.length === followers + 1)
  await leader.write('add', 'warm', { writeConcern: { replicas: followers } })
  return { leader, ways }
}

function cut(...ways: (TcpProxy | undefined)[]): void {
  for (const way of ways) {
    way?.refuse()
    way?.reset()
  }
}

/** A write that can only be met within a short time, or not at all. */
async function codeOf(
  leader: JournalNode,
  writeConcern: WriteConcern,
  timeoutMs = PATIENT_MS,
): Promise<string> {
  return leader.write('add', 'x', { writeConcern, timeoutMs }).then(
    () => 'OK',
    ({ code }: { code: string }) => code,
  )
}

it('{ replicas: n }: answers once that many others have applied it', async () => {
  const { leader, ways } = await groupOf(2)
  cut(ways[0])
  expect(await codeOf(leader, { replicas: 1 })).toBe('OK')
  const before = leader.position.index
  expect(await codeOf(leader, { replicas: 2 }, 300)).toBe('OUTCOME_UNKNOWN')
  expect(leader.position.index).toBe(before + 1) // it is in the log all the same
  const waiting = codeOf(leader, { replicas: 2 })
  ways[0]?.accept()
  expect(await waiting).toBe('OK')
  expect(await codeOf(leader, { replicas: 3 }, 300)).toBe('OUTCOME_UNKNOWN')
})

it('majority: more than half of the living, the leader among them', async () => {
  const { leader, ways } = await groupOf(4) // five: the leader and two others are enough
  cut(ways[0], ways[1])
  expect(await codeOf(leader, 'majority')).toBe('OK')
  cut(ways[2])
  expect(await codeOf(leader, 'majority', 300)).toBe('OUTCOME_UNKNOWN')
  ways[0]?.accept()
  expect(await codeOf(leader, 'majority')).toBe('OK')
})

it('majority of a lone instance is that one', async () => {
  const node = await start()
  expect(await codeOf(node, 'majority')).toBe('OK')
})

it('of the node, for writes that name none', async () => {
  const node = await start({ writeConcern: { replicas: 1 } })
  const unmet = node.write('add', 'x', { timeoutMs: 200 })
  await expect(unmet).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: false })
  await expect(node.write('add', 'x', { writeConcern: 'log' })).resolves.toBe(2)
})

it('a repeat waits for the concern of the first, too', async () => {
  const node = await start()
  await node.write('add', 'once', { opId: 'op' })
  const again = node.write('add', 'once', { opId: 'op', writeConcern: { replicas: 1 }, timeoutMs: 200 })
  await expect(again).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  const joined = await start()
  await expect(node.write('add', 'once', { opId: 'op', writeConcern: { replicas: 1 } })).resolves.toBe(1)
  expect(joined.read((state) => state.lines)).toEqual(['once'])
})

it('{ redisReplicas: n }: replicas of Redis have it; one that stands still costs the answer, not the leader', async () => {
  const [primary, replica] = [await startRedis(), await startRedis()]
  await replica.command('REPLICAOF', '127.0.0.1', primary.port)
  await eventually(async () =>
    String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
  )
  const node = await start({ redis: primary.url, commandTimeoutMs: 400, writeTimeoutMs: 5000 })
  expect(await codeOf(node, { redisReplicas: 1 })).toBe('OK')
  expect(await replica.command('XLEN', `leasehold:{${group}}:log`)).toBe(node.position.index)

  await replica.pause()
  const { term } = node
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => codeOf(node, { redisReplicas: 1 }, 1000)),
  )
  expect(new Set(answers)).toEqual(new Set(['OUTCOME_UNKNOWN']))
  expect(await codeOf(node, 'log')).toBe('OK')
  expect(node.term).toBe(term)
  replica.resume()
  expect(await codeOf(node, { redisReplicas: 1 })).toBe('OK')
  expect(await codeOf(node, { redisReplicas: 2 }, 300)).toBe('OUTCOME_UNKNOWN')
  await node.stop()
})

it('concerns that Redis is asked about in different ways cost neither the leader its term nor other writes their answer', async () => {
  const durable = await startRedis({ appendOnly: 'everysec' })
  const [canSync] = (await durable.command('COMMAND', 'INFO', 'WAITAOF')) as unknown[] // from Redis 7.2 on
  const node = await start({ redis: durable.url, commandTimeoutMs: 400, writeTimeoutMs: 5000 })
  const demotions: unknown[] = []
  node.on('demoted', (demotion) => demotions.push(demotion))

  const unmet: WriteConcern[] = [{ redisReplicas: 1 }, { redisReplicas: 2 }, { redisReplicas: 3 }]
  const over = new AbortController()
  const plain: string[] = []
  const writing = (async () => {
    while (!over.signal.aborted) plain.push(await codeOf(node, 'log'))
  })()
  const synced = canSync ? codeOf(node, 'fsync', 4500) : 'OK'
  const codes = await Promise.all(unmet.map((concern) => codeOf(node, concern, 1500)))
  expect(codes).toEqual(unmet.map(() => 'OUTCOME_UNKNOWN'))
  expect(await synced).toBe('OK')
  over.abort()
  await writing
  expect(demotions).toEqual([])
  expect(new Set(plain)).toEqual(new Set(['OK']))
  await node.stop()
})

it('{ redisReplicas: n }: a copy that is cut off does not count, though another connection is told that it does', async () => {
  const server = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  const copy = await startRedis()
  const link = await startProxy({ targetPort: server.port })
  await copy.command('REPLICAOF', '127.0.0.1', link.port)
  const node = await start({ redis: server.url })
  await eventually(async () => (await codeOf(node, { redisReplicas: 1 }, 500)) === 'OK')

  link.halfOpen()
  expect(await codeOf(node, { redisReplicas: 1 }, 500)).toBe('OUTCOME_UNKNOWN')
  expect(await inlineCommand(server.port, 'WAIT 1 100')).toBe('1')
  expect(await copy.command('XLEN', `leasehold:{${group}}:log`)).toBeLessThan(node.position.index)
  await node.stop()
})

import { importSnapshot } from '@leasehold/core'
import { execFileSync } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { exported, headerOf, linesOf, put, startVault, textOf, type VaultNode, vaultNode } from './vault.js'

let origin: RedisServer
let redis: RedisServer
const running: VaultNode[] = []

beforeAll(async () => {
  origin = await startRedis()
  redis = await startRedis()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()))
  await Promise.all([origin.wipe(), redis.wipe()])
})
afterAll(stopAll)

async function start(server: RedisServer, name: string): Promise<VaultNode> {
  const node = await startVault(server, name)
  running.push(node)
  return node
}

/** A state's text, nested so deep. */
function nested(depth: number): unknown {
  return depth === 0 ? 'deep down' : { list: [depth, nested(depth - 1)], beside: Array(20).fill(depth) }
}

const VALUES: [string, [string, unknown][]][] = [
  [
    'odd names',
    [
      ['__proto__', { __proto__: null, polluted: true }],
      ['constructor', 1],
      ['', 2],
      ['0', 3],
    ],
  ],
  [
    'names of all scripts',
    [
      ['ключ', 'значение'],
      ['鍵', '値'],
      ['😀', '\ud83d'],
      ['a\n"b"\\', '\u0000\u2028'],
    ],
  ],
  ['many parts below __proto__', [['__proto__', Array.from({ length: 3000 }, (_, i) => ({ i }))]]],
  ['what is nested deep', [['a', nested(200)]]],
  ['a long list', [['list', Array.from({ length: 20_000 }, (_, i) => (i % 7 === 0 ? [i] : i))]]],
  [
    'long texts',
    [
      ['a', 'x'.repeat(200_000)],
      ['b', 'ä\n'.repeat(50_000)],
    ],
  ],
]

test.each(VALUES)('a state with %s comes back as it was', async (_what, entries) => {
  const node = await start(origin, 'a')
  for (const [key, value] of entries) await put(node, key, value)
  const before = textOf(node)
  expect(before.length).toBeGreaterThan(10)

  await importSnapshot({ group: 'vault', redis: redis.url }, [await exported(node)])

  expect(textOf(await start(redis, 'b'))).toBe(before)
})

test('a state that is empty again comes back, at its index', async () => {
  const node = await start(origin, 'a')
  await put(node, 'a', 1)
  await node.write('remove', { key: 'a' })

  const imported = await importSnapshot({ group: 'vault', redis: redis.url }, [await exported(node)])

  const other = await start(redis, 'b')
  expect([textOf(other), other.position.index, imported.index]).toEqual(['{}', 2, 2])
})

test('a group in which nothing was written comes back as one', async () => {
  const node = await start(origin, 'a')
  const imported = await importSnapshot({ group: 'vault', redis: redis.url }, [await exported(node)])
  expect(imported).toMatchObject({ index: 0, term: 0 })

  const other = await start(redis, 'b')
  expect(other.position).toEqual({ logId: imported.logId, term: 0, index: 0 })
  await put(other, 'a', 1)
  expect(textOf(await start(redis, 'c'))).toBe('{"a":1}')
})

test('a file, written and read as streams, says in its first line what it is', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'leasehold-backup-'))
  try {
    const node = await start(origin, 'a')
    await node.write('grow', { count: 5000 })
    const file = join(dir, 'vault.leasehold.gz')

    await pipeline(node.exportSnapshot(), createWriteStream(file))

    const lines = execFileSync('gzip', ['-dc', file]).toString().split('\n')
    const { position } = node
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      ...{ format: 'leasehold-snapshot', formatVersion: 1, application: 'vault', version: 2, group: 'vault' },
      ...{ ...position, timeMs: expect.any(Number), stale: false, halted: null },
      terms: [{ term: position.term, nonce: expect.any(String), first: 1 }],
    })
    expect(JSON.parse(lines.at(-2) ?? '')).toEqual({
      records: lines.length - 3,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const imported = await importSnapshot({ group: 'other', redis: redis.url }, createReadStream(file))
    expect(imported).toEqual({
      ...{ logId: expect.any(String), index: 1, term: position.term, application: 'vault', version: 2 },
    })
    expect(imported.logId).not.toBe(position.logId)
    const other = await startVault(redis, 'b', { group: 'other' })
    running.push(other)
    expect(other.position).toEqual({ logId: imported.logId, term: imported.term, index: 1 })
    expect(textOf(other)).toBe(textOf(node))
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('an export may be read by bytes as they come, and imported from pieces of any size', async () => {
  const node = await start(origin, 'a')
  await node.write('grow', { count: 20_000 })
  const file = await exported(node)
  expect(linesOf(file).length).toBeGreaterThan(40)
  async function* pieces() {
    for (let at = 0; at < file.length; at += 1021) yield new Uint8Array(file.subarray(at, at + 1021))
  }
  await importSnapshot({ group: 'vault', redis: redis.url }, pieces())
  expect(textOf(await start(redis, 'b'))).toBe(textOf(node))
})

test('an imported group goes on: writes, snapshots of its own, trimming, newcomers, failover', async () => {
  const node = await start(origin, 'a')
  for (let i = 0; i < 250; i++) await put(node, `k${i}`, i)
  const file = await exported(node)
  const imported = await importSnapshot({ group: 'vault', redis: redis.url }, [file])
  expect(imported.index).toBe(250)

  const [b, c] = [await start(redis, 'b'), await start(redis, 'c')]
  expect((await b.submit('put', { key: 'first', text: 'true' })).index).toBe(251)
  expect(b.term).toBeGreaterThan(imported.term)
  const meta = async (field: string) => Number(await redis.command('HGET', 'leasehold:{vault}:meta', field))
  for (let i = 0; i < 400; i++) await put(b, `own${i}`, i)
  await eventually(async () => (await meta('snapshotIndex')) > 250, { message: 'a snapshot of its own' })
  for (let i = 400; i < 700; i++) await put(b, `own${i}`, i)
  await eventually(async () => (await meta('first')) > 300, { message: 'the log to be trimmed' })

  const d = await start(redis, 'd')
  await b.stop()
  const leader = await eventually(() => [c, d].find((one) => one.isLeader), { message: 'a new leader' })
  await put(leader, 'last', 1)
  await eventually(() => [c, d].every(({ position }) => position.index === 952))
  expect(textOf(c)).toBe(textOf(d))
  expect(c.position.logId).toBe(imported.logId)

  // What was exported before is as good as ever, and the export of the new log is another one.
  expect(headerOf(await exported(d))).toMatchObject({ logId: imported.logId, index: 952 })
  expect(d.read((state) => Object.keys(state))).toHaveLength(952)
})

test('an instance that only comes for a backup gets one, and never leads', async () => {
  const leader = await start(origin, 'a')
  await put(leader, 'a', 1)
  const visitor = await startVault(origin, 'backup', { eligible: false })
  running.push(visitor)
  const file = await exported(visitor)
  await visitor.stop()
  expect(headerOf(file)).toMatchObject({ index: 1, logId: leader.position.logId })
  expect(leader.isLeader).toBe(true)
})

test('a node that was stopped can still be exported; one that has not started cannot', async () => {
  const node = await start(origin, 'a')
  await put(node, 'a', 1)
  await node.stop()
  expect(headerOf(await exported(node))).toMatchObject({ index: 1 })

  await expect(exported(vaultNode(origin, 'b'))).rejects.toMatchObject({ code: 'NOT_STARTED' })
})

import { createNode, defineStateMachine, importSnapshot } from '@leasehold/core'
import { gunzipSync, gzipSync } from 'node:zlib'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import {
  exported,
  lasting,
  linesOf,
  LOG_KEYS,
  put,
  rewritten,
  startVault,
  type VaultNode,
  vaultNode,
} from './vault.js'

let redis: RedisServer
let file: Buffer
const running: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  redis = await startRedis()
  const node = await startVault(redis, 'origin')
  await node.write('grow', { count: 4000 })
  file = await exported(node)
  await node.stop()
})
beforeEach(() => redis.wipe())
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()))
})
afterAll(stopAll)

async function start(name: string): Promise<VaultNode> {
  const node = await startVault(redis, name, { onRedisDataLoss: 'halt' })
  running.push(node)
  return node
}

const into = (source: Parameters<typeof importSnapshot>[1], options: object = {}) =>
  importSnapshot({ group: 'vault', redis: redis.url, ...options }, source)

/** Where the first of the gzip files that make up this one ends, and where the last begins. */
function members(): { first: number; last: number } {
  const starts: number[] = []
  for (let at = -1; (at = file.indexOf(Buffer.from([0x1f, 0x8b, 8, 0]), at + 1)) !== -1; ) starts.push(at)
  const [, first = 0] = starts
  return { first, last: starts.at(-1) as number }
}

describe('a file that is not whole', () => {
  it('is refused wherever it was cut off, and Redis stays empty', async () => {
    const { first, last } = members()
    const middle = file.length >> 1
    for (const length of [0, 1, 9, first - 1, first, first + 1, middle, last, last + 30, file.length - 1]) {
      await expect(into([file.subarray(0, length)])).rejects.toMatchObject({ code: 'SNAPSHOT_BAD' })
      expect(await redis.command('KEYS', '*')).toEqual([])
    }
  })

  it('is refused wherever a byte was changed, and Redis stays empty', async () => {
    const text = gunzipSync(file)
    const changed = Array.from({ length: 150 }, (_, i) => {
      const bytes = Buffer.from(file)
      const at = Math.floor((i * file.length) / 150)
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at)
      return bytes
    }).filter((bytes) => !isSame(bytes, text))
    expect(changed.length).toBeGreaterThan(140) // gzip also says where a file was packed, which is no part of the text
    for (const bytes of changed) {
      await expect(into([bytes])).rejects.toMatchObject({ code: 'SNAPSHOT_BAD' })
      expect(await redis.command('KEYS', '*')).toEqual([])
    }
  })

  it('is refused with a record taken away, put elsewhere or doubled, though its checksum is right', async () => {
    const lines = linesOf(file)
    expect(lines.length).toBeGreaterThan(10)
    const changes: ((lines: string[]) => string[])[] = [
      ([header = '', , ...rest]) => [header, ...rest],
      ([header = '', root = '', ...rest]) => [header, root, root, ...rest],
      ([header = '', root = '', next = '', ...rest]) => [header, next, root, ...rest],
      (all) => all.map((line, i) => (i === 5 ? line.slice(0, -1) : line)),
      (all) => [...all, '{"a":1}'],
    ]
    for (const change of changes) {
      await expect(into([rewritten(file, change)])).rejects.toMatchObject({ code: 'SNAPSHOT_BAD' })
      expect(await redis.command('KEYS', '*')).toEqual([])
    }
    await expect(into([rewritten(file, (all) => all)])).resolves.toMatchObject({ index: 1 })
  })
})

function isSame(changed: Buffer, text: Buffer): boolean {
  try {
    return gunzipSync(changed).equals(text)
  } catch {
    return false
  }
}

test.each<[string, () => Buffer[]]>([
  ['that is no gzip', () => [gunzipSync(file)]],
  ['that is empty', () => []],
  ['of something else', () => [gzipSync('{"hello":"world"}\n')]],
  ['of a newer format', () => [rewritten(file, header({ formatVersion: 2 }))]],
  ['with more behind its end', () => [file, file]],
  ['with zeros behind its end', () => [Buffer.concat([file, Buffer.alloc(100)])]],
  ['with zeros behind its end that come later', () => [file, Buffer.alloc(100), file]],
  ['with a text behind its end', () => [file, Buffer.from('behind')]],
])('a file %s is refused, and Redis stays empty', async (_what, parts) => {
  await expect(into(parts())).rejects.toMatchObject({
    code: 'SNAPSHOT_BAD',
    message: expect.stringMatching(/^The snapshot cannot be imported: .*\. Nothing was changed\.$/),
  })
  expect(await redis.command('KEYS', '*')).toEqual([])
})

function header(other: object) {
  return ([first = '', ...rest]: string[]) => [JSON.stringify({ ...JSON.parse(first), ...other }), ...rest]
}

test('a source that fails passes its error on, and leaves nothing', async () => {
  async function* failing() {
    yield file.subarray(0, file.length - 10)
    throw new Error('the disk is gone')
  }
  await expect(into(failing())).rejects.toThrow('the disk is gone')
  await expect(into(['text'] as never)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  expect(await redis.command('KEYS', '*')).toEqual([])
})

test('options that cannot be are refused together', async () => {
  const options = { group: 'a:b', redis: 'http://x', replace: 'yes', commandTimeoutMs: 1 }
  await expect(importSnapshot(options as never, [file])).rejects.toMatchObject({
    code: 'INVALID_OPTIONS',
    problems: [/^group /, /^redis /, /^replace /, /^commandTimeoutMs /].map((bound) =>
      expect.stringMatching(bound),
    ),
  })
})

describe('a group that is not empty', () => {
  it('is refused where it has a log, also without instances', async () => {
    const node = await start('a')
    await put(node, 'a', 1)
    await node.stop()
    const before = await lasting(redis)
    expect(Object.keys(before)).toContain('leasehold:{vault}:log')

    await expect(into([file])).rejects.toMatchObject({
      code: 'GROUP_NOT_EMPTY',
      message: expect.stringContaining('has a log, with 1 entries'),
    })
    expect(await lasting(redis)).toEqual(before)
  })

  it('is refused where instances are connected, also without a log', async () => {
    const node = await start('a')
    await put(node, 'a', 1)
    await redis.wipe()
    await eventually(() => node.status().halted === 'LOG_LOST')

    await expect(into([file])).rejects.toMatchObject({
      code: 'GROUP_NOT_EMPTY',
      message: expect.stringContaining(node.status().id),
    })
    expect(await redis.command('HGET', 'leasehold:{vault}:meta', 'logId')).toBeNull()
    expect(await redis.command('EXISTS', 'leasehold:{vault}:log', 'leasehold:{vault}:terms')).toBe(0)
  })

  it('does not take the instances of another group for its own', async () => {
    const other = await startVault(redis, 'a', { group: 'vaul?' })
    running.push(other)
    await expect(into([file], { group: 'vaul*' })).resolves.toMatchObject({ index: 1 })
  })

  it('is refused with a file that is no good, though it is to be replaced; its instances go on', async () => {
    const node = await start('a')
    await put(node, 'a', 1)
    const before = await lasting(redis, LOG_KEYS)
    const bad = [file.subarray(0, file.length - 1)]
    await expect(into(bad, { replace: true })).rejects.toMatchObject({ code: 'SNAPSHOT_BAD' })
    expect(await lasting(redis, LOG_KEYS)).toEqual(before)
    expect((await node.submit('put', { key: 'b', text: '2' })).index).toBe(2)
  })
})

describe('a group of another application', () => {
  it.each([false, true])('is refused, whether it is to be replaced (%s) or not', async (replace) => {
    const stateMachine = defineStateMachine({ name: 'bank', version: 1, initial: () => ({}), commands: {} })
    const bank = createNode({ group: 'vault', redis: redis.url, stateMachine })
    await bank.start()
    await bank.stop()
    const before = await lasting(redis)
    await expect(into([file], { replace })).rejects.toMatchObject({
      code: 'APP_MISMATCH',
      message: expect.stringMatching(/belongs to the application "bank", the snapshot is of "vault"/),
    })
    expect(await lasting(redis)).toEqual(before)
  })

  it('is refused where its instances only elect', async () => {
    const node = createNode({ group: 'vault', redis: redis.url })
    running.push(node)
    await node.start()
    await expect(into([file], { replace: true })).rejects.toMatchObject({ code: 'APP_MISMATCH' })
  })

  it('is what others find where the snapshot came first', async () => {
    await into([file])
    const bank = createNode({ group: 'vault', redis: redis.url })
    await expect(bank.start()).rejects.toMatchObject({ code: 'APP_MISMATCH' })
  })

  it('is refused where another version of the library has stored it', async () => {
    await redis.command('HSET', 'leasehold:{vault}:meta', 'formatVersion', '2')
    await expect(into([file], { replace: true })).rejects.toMatchObject({ code: 'APP_MISMATCH' })
  })
})

test('a snapshot of a newer version of the application is imported, and keeps out whoever is older', async () => {
  const { index, version } = await into([rewritten(file, header({ version: 3 }))])
  expect({ index, version }).toEqual({ index: 1, version: 3 })
  const said: string[] = []
  const old = vaultNode(redis, 'old', { startTimeoutMs: 1500 })
  old.on('warning', ({ code }) => said.push(code))
  await old.start().catch(({ code }: { code: string }) => said.push(code))
  expect(said).toContain('VERSION_TOO_OLD')
  expect(old.status().caughtUp).toBe(false)
})

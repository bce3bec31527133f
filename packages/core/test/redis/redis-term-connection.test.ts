import { eventually } from '../../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { startProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.js'
import type { Claim, TermConnection } from '../../src/log/log-store.js'
import { resolveOptions } from '../../src/options.js'
import { commandOptions, createClient } from '../../src/redis/connections.js'
import { keysOf } from '../../src/redis/keys.js'
import { RedisLogStore } from '../../src/redis/redis-log-store.js'
import { RedisTermConnection } from '../../src/redis/redis-term-connection.js'

const keys = keysOf('g')
const self = { id: 'a', url: undefined, publicUrl: 'https://a' }

let server: RedisServer
let proxy: TcpProxy
let store: RedisLogStore
let connection: TermConnection
let claim: Claim

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(async () => {
  await server.command('DEL', keys.meta, keys.log, keys.terms)
  await server.command('SET', keys.lease, 'v')
  proxy = await startProxy({ targetPort: server.port })
  const redis = `redis://127.0.0.1:${proxy.port}`
  const options = resolveOptions({ group: 'g', redis, commandTimeoutMs: 500 })
  const client = createClient(redis, commandOptions(500), 'reads')
  store = new RedisLogStore({ options, client, keys, replicates: true, warn: () => {} })
  await store.open(new AbortController().signal)
  connection = await store.openTerm(new AbortController().signal)
  claim = await claimOn(connection)
  claim = { ...claim, logId: (await connection.createLog('L')) ?? '' }
})

afterEach(async () => {
  connection.close()
  await store.close()
  await proxy.close()
})

afterAll(stopAll)

async function claimOn(on: TermConnection): Promise<Claim> {
  const expectedTerm = await on.storedTerm()
  const outcome = await on.claim({
    expectedTerm,
    floor: 0,
    leader: self,
    leaseValue: 'v',
    reason: undefined,
    appVersion: 1,
  })
  if (outcome.kind !== 'claimed') throw new Error(outcome.kind)
  return outcome.claim
}

const entry = (name: string) => JSON.stringify({ o: name, f: 'f', v: 1, c: 'put' })

it('appends under its claim, and a read finds it', async () => {
  const appended = await connection.append({ head: 0, headTerm: 0, entries: [entry('x'), entry('y')] })
  expect(appended).toEqual({ kind: 'appended', first: 1, timeMs: expect.any(Number) })
  const page = await store.read(0, 10, undefined)
  expect(page).toMatchObject({
    logId: 'L',
    nonce: claim.nonce,
    term: claim.term,
    head: 2,
    headTerm: claim.term,
  })
  expect(page.leader).toEqual({ ...self, term: claim.term })
  expect(page.entries.map(({ index, term, opId }) => [index, term, opId])).toEqual([
    [1, claim.term, 'x'],
    [2, claim.term, 'y'],
  ])
  expect(page.table?.rows).toEqual([{ term: claim.term, nonce: claim.nonce, first: 1 }])
})

it('a read by somebody who knows this present gets no table', async () => {
  expect((await store.read(0, 10, claim)).table).toBeUndefined()
})

it('is fenced by a newer claim, and says so', async () => {
  const next = await store.openTerm(new AbortController().signal)
  const { term } = await claimOn(next)
  next.close()
  expect(await connection.append({ head: 0, headTerm: 0, entries: [entry('x')] })).toEqual({
    kind: 'fenced',
    why: `term ${term}`,
  })
})

it('says where the log ends if that is not where it was believed to', async () => {
  expect(await connection.append({ head: 3, headTerm: 0, entries: [entry('x')] })).toEqual({
    kind: 'mismatch',
    why: 'the log ends at 0, not at 3',
  })
})

it('claims only a log whose entries its app understands', async () => {
  const next = await store.openTerm(new AbortController().signal)
  const request = { expectedTerm: claim.term, floor: 0, leader: self, leaseValue: 'v', reason: undefined }
  expect(await next.claim({ ...request, appVersion: 2 })).toMatchObject({ kind: 'claimed' })
  next.close()
  const last = await store.openTerm(new AbortController().signal)
  const { term } = await claimOn(last) // the version that had claimed last has written nothing
  await last.append({ head: 0, headTerm: 0, entries: [entry('x')] })
  expect(await last.claim({ ...request, expectedTerm: term, appVersion: 0 })).toEqual({
    kind: 'tooOld',
    appVersion: 1,
  })
  last.close()
})

it('claims only what it saw, and only with its lease', async () => {
  const request = { floor: 0, leader: self, leaseValue: 'v', reason: undefined, appVersion: 1 }
  expect(await connection.claim({ ...request, expectedTerm: 0 })).toEqual({
    kind: 'outrun',
    term: claim.term,
  })
  await server.command('SET', keys.lease, 'other')
  expect(await connection.claim({ ...request, expectedTerm: claim.term })).toEqual({ kind: 'leaseLost' })
})

it.each([
  ['out of memory', ['maxmemory', '1'], ['maxmemory', '0'], 'OOM', false],
  [
    'without the replicas it needs',
    ['min-replicas-to-write', '1'],
    ['min-replicas-to-write', '0'],
    'NOREPLICAS',
    false,
  ],
])('a server that is %s refuses, and nothing was written', async (_, broken, healed, why, lasting) => {
  await server.command('CONFIG', 'SET', ...broken)
  const outcome = await connection.append({ head: 0, headTerm: 0, entries: [entry('x')] })
  await server.command('CONFIG', 'SET', ...healed)
  expect(outcome).toMatchObject({
    kind: 'refused',
    lasting,
    error: { message: expect.stringContaining(why) },
  })
  expect(await server.command('EXISTS', keys.log)).toBe(0)
  expect(connection.closed.aborted).toBe(false)
})

it('a server that does not let this user write any more refuses for good', async () => {
  await server.command('ACL', 'SETUSER', 'default', '-evalsha')
  const outcome = await connection.append({ head: 0, headTerm: 0, entries: [entry('x')] })
  await server.command('ACL', 'SETUSER', 'default', '+@all')
  expect(outcome).toMatchObject({ kind: 'refused', lasting: true })
})

it('a server that has become a replica has the log no more', async () => {
  await server.command('REPLICAOF', '127.0.0.1', '1')
  const outcome = await connection.append({ head: 0, headTerm: 0, entries: [entry('x')] })
  await server.command('REPLICAOF', 'NO', 'ONE')
  expect(outcome).toEqual({ kind: 'moved' })
  // and once it is none any more, it lives another life
  const later = await connection.append({ head: 0, headTerm: 0, entries: [entry('x')] })
  expect(later).toEqual({ kind: 'fenced', why: 'another replication id' })
})

it('rejects when the reply is lost, and is closed then: whether it ran is not known', async () => {
  const cut = proxy.cutAfterReplyTo((chunk) => chunk.includes(entry('x')))
  await expect(connection.append({ head: 0, headTerm: 0, entries: [entry('x')] })).rejects.toThrow(
    /closed|max retries/,
  )
  await cut
  expect(connection.closed.aborted).toBe(true)
  expect(await server.command('XLEN', keys.log)).toBe(1)
})

it('rejects when the reply takes too long, and is closed then', async () => {
  proxy.hold('toServer')
  await expect(connection.append({ head: 0, headTerm: 0, entries: [entry('x')] })).rejects.toThrow(
    'Command timed out',
  )
  expect(connection.closed.aborted).toBe(true)
})

it('knows at once that its socket is gone', async () => {
  proxy.reset()
  await eventually(() => connection.closed.aborted)
  await expect(connection.storedTerm()).rejects.toThrow('Connection is closed')
})

it('has one wait on the way at a time, of whatever kind, and whoever asks meanwhile shares the next of a kind', async () => {
  const sent: { name: string; answer: (reply: unknown) => void; fail: () => void }[] = []
  const send = (name: string) =>
    new Promise((resolve, reject) => {
      sent.push({ name, answer: resolve, fail: () => reject(new Error('Connection is closed.')) })
    })
  const client = {
    once: () => {},
    wait: (replicas: number) => send(`WAIT ${replicas}`),
    call: (name: string) => send(name),
  }
  const term = new RedisTermConnection(client as never, keys, true, 500)
  const names = async () => {
    await new Promise(setImmediate)
    return sent.map(({ name }) => name)
  }
  const first = term.replicated(1)
  const others = [term.replicated(2), term.synced(), term.synced()].map((asked) =>
    asked.catch(() => 'failed'),
  )
  expect(await names()).toEqual(['WAIT 1'])
  const again = term.replicated(1)
  sent[0]?.answer(1)
  expect(await first).toBe(1)
  expect(await names()).toEqual(['WAIT 1', 'WAIT 2'])
  sent[1]?.fail()
  expect(await names()).toEqual(['WAIT 1', 'WAIT 2', 'WAITAOF'])
  sent[2]?.answer([1, 0])
  expect(await Promise.all(others)).toEqual(['failed', true, true])
  expect((await names()).slice(3)).toEqual(['WAIT 1'])
  sent[3]?.answer(2)
  expect(await again).toBe(2)
})

describe('of two snapshots that were made at the same time', () => {
  /** Stores a snapshot at `index` and offers it, as one that was made while `before` was the one before the present. */
  async function offer(
    id: string,
    index: number,
    before: { id: string; index: number } | undefined,
  ): Promise<boolean> {
    const key = keys.snapshot(id)
    await server.command('HSET', key, 'head', '{}')
    await server.command('EXPIRE', key, 600)
    return connection.installSnapshot({ id, index, term: claim.term, nonce: claim.nonce }, { before })
  }

  it('none is switched in once Redis is in another life', async () => {
    await connection.append({ head: 0, headTerm: 0, entries: ['1', '2'].map(entry) })
    expect(await offer('one', 1, undefined)).toBe(true)
    await toAnotherLife()
    expect(await offer('two', 2, undefined)).toBe(false)
  })

  it('one is switched in, and every other but the two last expires', async () => {
    await connection.append({ head: 0, headTerm: 0, entries: ['1', '2', '3', '4', '5', '6'].map(entry) })
    const [one, two] = [
      { id: 'one', index: 1 },
      { id: 'two', index: 2 },
    ]
    expect(await offer('one', 1, undefined)).toBe(true)
    expect(await offer('two', 2, undefined)).toBe(true)
    expect(await offer('three', 3, one)).toBe(true) // three is in, two the one before, one expires
    expect(await offer('late', 4, one)).toBe(false)
    expect(await offer('five', 5, two)).toBe(true)
    const ttls = await Promise.all(
      ['one', 'two', 'three', 'late', 'five'].map(async (id) => server.command('TTL', keys.snapshot(id))),
    )
    expect(ttls.map((ttl) => ttl === -1)).toEqual([false, false, true, false, true])
  })
})

/** What a demotion and a promotion do, under an open connection. */
async function toAnotherLife(): Promise<void> {
  await server.command('REPLICAOF', '127.0.0.1', '1')
  await server.command('REPLICAOF', 'NO', 'ONE')
}

describe('a re-seed', () => {
  const terms = [{ term: 7, nonce: 'n7', first: 1 }]
  /** A complete snapshot of a replica that has 100 entries of the log. */
  const stored = async (logId = 'L') => {
    const head = {
      id: '100-x',
      logId,
      index: 100,
      term: 7,
      timeMs: 5,
      terms,
      version: 1,
      chunks: 1,
      bytes: 2,
      sha256: '',
    }
    await server.command('HSET', keys.snapshot(head.id), '0', '{}', 'head', JSON.stringify(head))
    return head
  }
  const none = { snapshot: undefined, snapshotBefore: undefined }
  const meta = async () => server.command('HGETALL', keys.meta)
  afterEach(() => server.command('DEL', keys.snapshot('100-x'), keys.snapshot('1-y')))

  it.each(['', 'L'])(
    'puts the end of the log back where the log is %j, and appends go on behind it',
    async (logId) => {
      await server.command('HSET', keys.meta, 'logId', logId)
      const reSeeded = await connection.reSeed(await stored(), none)
      expect(reSeeded).toMatchObject({
        logId: 'L',
        term: claim.term,
        head: 100,
        headTerm: 7,
        replId: claim.replId,
      })
      expect(reSeeded?.nonce).not.toBe(claim.nonce) // whoever compared itself before does so again
      expect(reSeeded?.table.rows).toEqual(terms)
      expect(await connection.append({ head: 100, headTerm: 7, entries: [entry('a')] })).toMatchObject({
        kind: 'appended',
        first: 101,
      })
      expect(await store.read(100, 10, undefined)).toMatchObject({
        ...{ logId: 'L', head: 101, first: 101, snapshot: { id: '100-x', index: 100 } },
        entries: [{ index: 101 }],
      })
      expect(await server.command('PTTL', keys.snapshot('100-x'))).toBe(-1)
    },
  )

  it.each<[string, () => Promise<unknown>]>([
    ['another claim came', async () => claimOn(await store.openTerm(new AbortController().signal))],
    ['Redis is in another life', toAnotherLife],
    ['another log is there', () => server.command('HSET', keys.meta, 'logId', 'other')],
    ['the log does not lack anything', () => server.command('HSET', keys.meta, 'head', '100')],
    ['the snapshot is not complete', () => server.command('HDEL', keys.snapshot('100-x'), 'head')],
    ['the snapshot lacks a part', () => server.command('HDEL', keys.snapshot('100-x'), '0')],
    ['the log has got a snapshot meanwhile', () => server.command('HSET', keys.meta, 'snapshot', '1-y')],
  ])('changes nothing when %s', async (_, happens) => {
    const head = await stored()
    await happens()
    const before = await meta()
    expect(await connection.reSeed(head, none)).toBeUndefined()
    expect(await meta()).toEqual(before)
  })

  it('has snapshots of the log expire that nobody needs any more', async () => {
    await server.command('HSET', keys.meta, 'snapshot', '1-y', 'snapshotIndex', '1')
    await server.command('HSET', keys.snapshot('1-y'), 'head', '{}')
    const snapshot = { id: '1-y', index: 1 }
    expect(await connection.reSeed(await stored(), { snapshot, snapshotBefore: undefined })).toBeDefined()
    expect(Number(await server.command('PTTL', keys.snapshot('1-y')))).toBeGreaterThan(0)
  })
})

import { Redis } from 'ioredis'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { joinEntries } from '../../src/log/appended.js'
import { callScript } from '../../src/redis/call-script.js'
import { keysOf } from '../../src/redis/keys.js'

const HOUR_MS = 3_600_000
const keys = keysOf('g')

let server: RedisServer
let client: Redis

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url)
})

beforeEach(async () => {
  await server.wipe()
})

afterAll(async () => {
  client.disconnect()
  await stopAll()
})

/** Everything that stands in Redis, byte for byte. */
async function everything(): Promise<Record<string, string | undefined>> {
  const names = (await client.keys('*')).toSorted()
  const dumps = await Promise.all(names.map((name) => client.dumpBuffer(name)))
  return Object.fromEntries(names.map((name, i) => [name, dumps[i]?.toString('hex')]))
}

async function meta(field: string): Promise<string | null> {
  return client.hget(keys.meta, field)
}

/** What a restart, a failover and REPLICAOF do: from now on it is another life of Redis. */
async function changeReplId(): Promise<void> {
  await client.call('DEBUG', 'CHANGE-REPL-ID')
}

async function replicationId(): Promise<string> {
  return /master_replid:(\w+)/.exec(await client.info('replication'))?.[1] ?? ''
}

interface Claimed {
  term: string
  nonce: string
  logId: string
  head: string
  headTerm: string
  replId: string
  replIdChanged: string
  table: string[]
}

/** Runs the claim script; by default as the only candidate there is. */
async function claim(
  given: {
    expected?: string | number
    floor?: number
    nonce?: string
    leader?: string
    lease?: string
    checkLease?: boolean
    step?: number
    version?: number
    reason?: string
  } = {},
): Promise<string[]> {
  const {
    floor = 0,
    nonce = 'n',
    leader = 'a',
    lease = 'v',
    checkLease = false,
    step = 1,
    version = 1,
    reason = '',
  } = given
  const expected = given.expected ?? (await meta('term')) ?? 0
  const args = [
    ...[expected, floor, nonce, leader, 'http://a', 'https://a', lease, checkLease ? '1' : '0', step],
    ...[version, reason],
  ]
  return (await callScript(client, 'claim', [keys.meta, keys.terms, keys.lease], args)) as string[]
}

/** A claim that was granted, over a log that there is from then on. */
async function reign(nonce: string): Promise<Claimed> {
  const [kind, term = '', , head = '', headTerm = '', replId = '', replIdChanged = '', table] = await claim({
    nonce,
  })
  expect(kind).toBe('CLAIMED')
  const logId = (await callScript(client, 'createLog', [keys.meta], ['L', term, nonce, replId])) as string
  return { term, nonce, logId, head, headTerm, replId, replIdChanged, table: table as unknown as string[] }
}

/** Runs the append script under a claim, where it found the head; `given` overrides what the leader would say. */
async function append(
  claimed: Claimed,
  entries: string[],
  given: Partial<Claimed> & { version?: number } = {},
): Promise<string[]> {
  const { logId, term, nonce, replId, head, headTerm, version = 1 } = { ...claimed, ...given }
  const args = [logId, term, nonce, replId, head, headTerm, version, keys.appended, joinEntries(entries)]
  return (await callScript(client, 'append', [keys.meta, keys.log, keys.terms], args)) as string[]
}

async function read(after: number, given: { limit?: number; bytes?: number; known?: string[] } = {}) {
  const { limit = 100, bytes = 1e6, known = ['', '', ''] } = given
  const reply = (await callScript(
    client,
    'read',
    [keys.meta, keys.log, keys.terms],
    [after, limit, bytes, ...known],
  )) as [...string[]]
  const [logId, nonce, replId, term, head, headTerm, leader, url, publicUrl, leaderChanges, ...rest] = reply
  const [first, snapshot, snapshotBefore, entries, table, secretVersion] = rest
  expect([first, snapshot, snapshotBefore]).toEqual(['1', ['', '0'], ['', '0']]) // no snapshots here
  return {
    ...{ logId, nonce, replId, term, head, headTerm, leader, url, publicUrl, leaderChanges, secretVersion },
    entries: entries ? entries.split('\n') : [],
    table: table as unknown as string[] | null,
  }
}

/** Of entries as the script gives them, those with this place: id, term with time, and payload, in groups. */
function every3rd(flat: string[], place: 0 | 1 | 2): string[] {
  return flat.filter((_, i) => i % 3 === place)
}

/** Entries stand under the id `index-0`. */
const indexesOf = (flat: string[]) => every3rd(flat, 0).map((id) => Number.parseInt(id, 10))

describe('claim', () => {
  it('grants a term that is the time of Redis, and stores who claimed', async () => {
    const before = Date.now()
    const [kind, term = '', logId, head, headTerm] = await claim()
    expect([kind, logId, head, headTerm]).toEqual(['CLAIMED', '', '0', '0'])
    expect(Number(term)).toBeGreaterThanOrEqual(before)
    expect(Number(term)).toBeLessThanOrEqual(Date.now())
    expect(await client.hgetall(keys.meta)).toMatchObject({
      ...{ term, nonce: 'n', leader: 'a', url: 'http://a', publicUrl: 'https://a', lease: 'v' },
      leaderChanges: '1',
    })
  })

  it('keeps all 13 digits of a term', async () => {
    const stored = `${Date.now() + HOUR_MS}`.replace(/\d{3}$/, '123')
    await client.hset(keys.meta, 'term', stored)
    const [, term] = await claim({ step: 1 })
    expect(term).toBe(`${stored.slice(0, -3)}124`)
    expect(await meta('term')).toBe(term)
  })

  it('rises by the random step where the clock of Redis is behind the last term', async () => {
    const stored = Date.now() + HOUR_MS
    await client.hset(keys.meta, 'term', stored)
    const [, term] = await claim({ step: 777 })
    expect(Number(term)).toBe(stored + 777)
  })

  it('rises above the highest term that the candidate has seen anywhere', async () => {
    const floor = Date.now() + HOUR_MS
    const [, term] = await claim({ floor, step: 5 })
    expect(Number(term)).toBe(floor + 5)
  })

  it('rises with every claim, however fast they come', async () => {
    const terms: number[] = []
    for (let i = 0; i < 50; i++) terms.push(Number((await claim())[1]))
    expect(terms).toEqual([...new Set(terms)].toSorted((a, b) => a - b))
  })

  it('is OUTRUN, and writes nothing, if another claim is stored by now', async () => {
    const { term } = await reign('n')
    const before = await everything()
    expect(await claim({ expected: 0 })).toEqual(['OUTRUN', term])
    expect(await everything()).toEqual(before)
  })

  it('is granted to one of two candidates that saw the same', async () => {
    const kinds = await Promise.all([claim({ expected: 0 }), claim({ expected: 0 })])
    expect(kinds.map(([kind]) => kind).toSorted()).toEqual(['CLAIMED', 'OUTRUN'])
  })

  it.each([
    ['is gone', async () => 0],
    ['is another one’s', () => client.set(keys.lease, 'other')],
  ])('is refused with LEASE, and writes nothing, if the lease %s', async (_, arrange) => {
    await arrange()
    const before = await everything()
    expect(await claim({ checkLease: true })).toEqual(['LEASE'])
    expect(await everything()).toEqual(before)
  })

  it('is refused, and writes nothing, where the log holds what a newer version of the app wrote', async () => {
    await append(await reign('n1'), ['x'], { version: 2 })
    const before = await everything()
    expect(await claim({ version: 1 })).toEqual(['VERSION', '2'])
    expect(await everything()).toEqual(before)
    for (const version of [2, 10]) expect((await claim({ version }))[0]).toBe('CLAIMED')
  })

  it('is granted to an older version as long as a newer one has claimed and written nothing', async () => {
    await append(await reign('n1'), ['x'])
    await claim({ version: 2 })
    expect((await claim({ version: 1 }))[0]).toBe('CLAIMED')
  })

  it('is granted to the holder of the lease', async () => {
    await client.set(keys.lease, 'v')
    expect((await claim({ checkLease: true }))[0]).toBe('CLAIMED')
  })

  it('returns the head and the terms of the log', async () => {
    const first = await reign('n1')
    await append(first, ['x', 'y'])
    const second = await reign('n2')
    expect(second).toMatchObject({ logId: 'L', head: '2', headTerm: first.term })
    expect(second.table).toEqual([first.term, '1:n1'])
  })

  it('says when Redis is in another life than at the last write', async () => {
    const first = await reign('n1')
    expect(first.replIdChanged).toBe('0')
    await append(first, ['a'])
    expect((await reign('n2')).replIdChanged).toBe('0')
    await changeReplId()
    expect((await reign('n3')).replIdChanged).toBe('1')
    const next = await reign('n4')
    expect(next.replIdChanged).toBe('1') // a claim that was not served must not hide it
    await append(next, ['b'])
    expect((await reign('n5')).replIdChanged).toBe('0')
  })

  it('counts a change of leader, and no claim of the same one', async () => {
    for (const leader of ['a', 'a', 'b', 'a']) await claim({ leader })
    expect(await meta('leaderChanges')).toBe('3')
  })

  it('stores why the leader before does not lead any more, for all to read', async () => {
    await claim({ reason: 'deposed' })
    expect(await meta('reason')).toBe('deposed')
  })
})

describe('createLog', () => {
  const create = async (logId: string, term: string, nonce: string, replId?: string) =>
    callScript(client, 'createLog', [keys.meta], [logId, term, nonce, replId ?? (await replicationId())])

  it('creates an empty log where there is none', async () => {
    const [, term = ''] = await claim()
    expect(await create('L', term, 'n')).toBe('L')
    expect(await client.hmget(keys.meta, 'logId', 'head', 'headTerm')).toEqual(['L', '0', '0'])
  })

  it('leaves a log that there is as it is, and names it', async () => {
    const claimed = await reign('n')
    await append(claimed, ['x'])
    const before = await everything()
    expect(await create('M', claimed.term, 'n')).toBe('L')
    expect(await everything()).toEqual(before)
  })

  it.each([
    ['another term', '1', 'n', undefined],
    ['another nonce', undefined, 'm', undefined],
    // A rollback can bring the claim back: its leader may not have heard of the log that another one created meanwhile.
    ['another replication id', undefined, 'n', 'elsewhere'],
  ])('writes nothing under %s', async (_, term, nonce, replId) => {
    const [, claimed = ''] = await claim()
    const before = await everything()
    expect(await create('L', term ?? claimed, nonce, replId)).toBeNull()
    expect(await everything()).toEqual(before)
  })

  it('counts as a write to the log: a claim in another life of the server says that something may be lost', async () => {
    const [, term = ''] = await claim()
    await create('L', term, 'n')
    expect(await meta('replId')).toBe(await replicationId())
  })
})

describe('append', () => {
  it('gives a batch the next indexes, one time and its term', async () => {
    const claimed = await reign('n')
    const before = Date.now()
    const [kind, first, time] = await append(claimed, ['x', 'y'])
    expect([kind, first]).toEqual(['APPENDED', '1'])
    expect(Number(time)).toBeGreaterThanOrEqual(before)
    expect(await client.xrange(keys.log, '-', '+')).toEqual([
      ['1-0', [`${claimed.term}:${time}`, 'x']],
      ['2-0', [`${claimed.term}:${time}`, 'y']],
    ])
    expect(await client.hmget(keys.meta, 'head', 'headTerm', 'time')).toEqual(['2', claimed.term, time])
  })

  it('goes on behind its own entries', async () => {
    const claimed = await reign('n')
    await append(claimed, ['x'])
    expect((await append(claimed, ['y'], { head: '1', headTerm: claimed.term })).slice(0, 2)).toEqual([
      'APPENDED',
      '2',
    ])
  })

  it('notes a term when it first appends, and only then', async () => {
    const first = await reign('n1')
    await append(first, ['x', 'y'])
    await append(first, ['z'], { head: '2', headTerm: first.term })
    await reign('idle')
    const third = await reign('n3')
    await append(third, ['w'])
    expect(await client.hgetall(keys.terms)).toEqual({ [first.term]: '1:n1', [third.term]: '4:n3' })
  })

  it('remembers the newest version of the app that wrote, as a number', async () => {
    const claimed = await reign('n')
    const versions: (string | null)[] = []
    for (const [at, version] of [9, 10, 2].entries()) {
      await append(claimed, ['x'], { version, head: `${at}`, headTerm: at === 0 ? '0' : claimed.term })
      versions.push(await meta('appVersion'))
    }
    expect(versions).toEqual(['9', '10', '10'])
  })

  it('never takes log time back, whatever the clock of Redis does', async () => {
    const claimed = await reign('n')
    const future = `${Date.now() + HOUR_MS}`
    await client.hset(keys.meta, 'time', future)
    expect((await append(claimed, ['x']))[2]).toBe(future)
    expect(await meta('time')).toBe(future)
  })

  it('keeps what is not ASCII byte for byte; JSON has no line ends of its own', async () => {
    const claimed = await reign('n')
    const text = 'ü — 漢字 🐑 \0'
    await append(claimed, [text])
    expect(every3rd((await read(0)).entries, 2)).toEqual([text])
  })

  const nothing = async () => {}
  it.each<[string, () => Promise<unknown>, Partial<Claimed>, RegExp]>([
    ['there is nothing', () => server.wipe(), {}, /^FENCED there is no log$/],
    ['there is no log', () => client.hdel(keys.meta, 'logId'), {}, /^FENCED there is no log$/],
    ['it is another log', nothing, { logId: 'M' }, /^FENCED another log$/],
    ['another term was claimed', nothing, { term: '1795384000123' }, /^FENCED term \d{13}$/],
    ['a newer term was claimed', () => reign('newer'), {}, /^FENCED term \d{13}$/],
    ['its term was claimed by another', nothing, { nonce: 'm' }, /^FENCED another claim$/],
    ['Redis is in another life', changeReplId, {}, /^FENCED another replication id$/],
    ['the log is longer than it believes', nothing, { head: '0', headTerm: '0' }, /^MISMATCH 1 \d{13}$/],
    ['the log is shorter than it believes', nothing, { head: '2' }, /^MISMATCH 1 \d{13}$/],
    ['the head is of another term', nothing, { headTerm: '1795384000123' }, /^MISMATCH 1 \d{13}$/],
  ])('writes nothing if %s', async (_, arrange, given, refusal) => {
    const claimed = await reign('n')
    await append(claimed, ['x'])
    await arrange()
    const before = await everything()
    const reply = await append(claimed, ['y', 'z'], { head: '1', headTerm: claimed.term, ...given })
    expect(reply.join(' ')).toMatch(refusal)
    expect(await everything()).toEqual(before)
  })

  it('writes nothing if Redis is out of memory', async () => {
    const claimed = await reign('n')
    const before = await everything()
    await client.config('SET', 'maxmemory', '1')
    await expect(append(claimed, ['x'])).rejects.toThrow('OOM')
    await client.config('SET', 'maxmemory', '0')
    expect(await everything()).toEqual(before)
  })

  it('works where INFO is forbidden', async () => {
    await client.call('ACL', 'SETUSER', 'default', '-info')
    const claimed = await reign('n')
    expect(claimed.replId).toBe('')
    expect((await append(claimed, ['x']))[0]).toBe('APPENDED')
    await client.call('ACL', 'SETUSER', 'default', '+info')
  })
})

describe('read', () => {
  let claimed: Claimed

  beforeEach(async () => {
    claimed = await reign('n')
    await append(claimed, ['a', 'b', 'c', 'd', 'e'])
  })

  it('says what the log is, who leads and where it ends', async () => {
    expect(await read(5)).toMatchObject({
      ...{
        logId: 'L',
        nonce: 'n',
        replId: claimed.replId,
        term: claimed.term,
        head: '5',
        headTerm: claimed.term,
      },
      ...{ leader: 'a', url: 'http://a', publicUrl: 'https://a', leaderChanges: '1', entries: [] },
    })
  })

  it('gives the entries behind an index, with their place', async () => {
    const { entries } = await read(3)
    expect(indexesOf(entries)).toEqual([4, 5])
    expect(every3rd(entries, 1).map((name) => name.split(':')[0])).toEqual([claimed.term, claimed.term])
    expect(every3rd(entries, 2)).toEqual(['d', 'e'])
  })

  it.each([
    ['none, if none are wanted', 0, { limit: 0 }, []],
    ['as many as are wanted', 0, { limit: 2 }, [1, 2]],
    ['as many as reach the bytes', 0, { bytes: 3 }, [1, 2, 3]],
    ['one, however small the bytes are', 0, { bytes: 1 }, [1]],
    ['none behind the head', 5, {}, []],
    ['none beyond the head', 9, {}, []],
  ])('gives %s', async (_, after, limits, indexes) => {
    expect(indexesOf((await read(after, limits)).entries)).toEqual(indexes)
  })

  it('gives more than one slice', async () => {
    const more = Array.from({ length: 300 }, (_, i) => `e${i}`)
    await append(claimed, more, { head: '5', headTerm: claimed.term })
    const { entries } = await read(5, { limit: 1000 })
    expect(every3rd(entries, 2)).toEqual(more)
  })

  it('gives the table to a reader that does not know this present', async () => {
    const known = ['L', 'n', claimed.replId]
    expect((await read(5, { known })).table).toBeNull()
    for (const [i, other] of ['M', 'm', 'other'].entries()) {
      expect((await read(5, { known: known.with(i, other) })).table).toEqual([claimed.term, '1:n'])
    }
  })

  it('knows another life of Redis at once, before anybody has claimed in it', async () => {
    const known = ['L', 'n', claimed.replId]
    await changeReplId()
    const page = await read(5, { known })
    expect(page.replId).not.toBe(claimed.replId)
    expect(page.table).toEqual([claimed.term, '1:n'])
  })

  it('says which secrets the group uses, none included', async () => {
    expect(await read(0)).toMatchObject({ secretVersion: '' })
    await client.hset(keys.meta, 'secretVersion', '7-1795384000123')
    expect(await read(0)).toMatchObject({ secretVersion: '7-1795384000123' })
  })

  it('says so where there is nothing', async () => {
    await server.wipe()
    expect(await read(0)).toMatchObject({
      secretVersion: '',
      logId: '',
      nonce: '',
      term: '0',
      head: '0',
      headTerm: '0',
      leader: '',
    })
  })
})

/** The secrets as the scripts give them. */
type Secrets = [secret: string, previous: string, next: string, version: string]

/** Runs the join script as an instance that comes for the first time, or one that brings what it knows. */
function join(
  app: string,
  given: { format?: string; brings?: Secrets; fresh?: string; version?: number | '' } = {},
) {
  const { format = '1', fresh = 'fresh', brings = [fresh, '', '', ''], version = 1 } = given
  return callScript(client, 'join', [keys.meta], [app, format, ...brings, version]) as Promise<
    [string, ...Secrets]
  >
}

describe('join', () => {
  it('gives all the same secret, that of the first', async () => {
    const before = Date.now()
    const [kind, secret, previous, next, version] = await join('bank', { fresh: 'first' })
    expect([kind, secret, previous, next]).toEqual(['JOINED', 'first', '', ''])
    const [, time] = /^1-(\d{13})$/.exec(version) ?? []
    expect(Number(time)).toBeGreaterThanOrEqual(before)
    expect(await join('bank', { fresh: 'second' })).toEqual(['JOINED', 'first', '', '', version])
    expect(await client.hgetall(keys.meta)).toEqual({
      ...{ app: 'bank', formatVersion: '1' },
      ...{ secret: 'first', previousSecret: '', nextSecret: '', secretVersion: version },
    })
  })

  it('changes nothing when an instance that knows joins again', async () => {
    const [, ...secrets] = await join('bank')
    const before = await everything()
    expect(await join('bank', { brings: secrets })).toEqual(['JOINED', ...secrets])
    expect(await everything()).toEqual(before)
  })

  it('gives what is believed during a rotation, too', async () => {
    await join('bank')
    const stored = { secret: 'new', previousSecret: 'old', nextSecret: 'to come', secretVersion: '3-5' }
    await client.hset(keys.meta, stored)
    expect(await join('bank')).toEqual(['JOINED', 'new', 'old', 'to come', '3-5'])
  })

  it('writes application, format and secrets anew where Redis has lost them, as a change', async () => {
    const reply = await join('bank', { brings: ['s', 'p', 'n', '4-1795384000123'] })
    expect(reply).toEqual(['JOINED', 's', 'p', 'n', expect.stringMatching(/^5-\d{13}$/)])
    expect(await client.hgetall(keys.meta)).toEqual({
      ...{ app: 'bank', formatVersion: '1' },
      ...{ secret: 's', previousSecret: 'p', nextSecret: 'n', secretVersion: reply[4] },
    })
  })

  it('writes them beside what a claim has stored meanwhile', async () => {
    const { term } = await reign('n')
    await join('bank', { brings: ['s', '', '', '1-5'] })
    expect(await client.hmget(keys.meta, 'term', 'secret')).toEqual([term, 's'])
  })

  const stored: Secrets = ['stored', '', '', '4-1000']
  const store = () =>
    client.hset(keys.meta, { secret: 'stored', previousSecret: '', nextSecret: '', secretVersion: '4-1000' })

  it.each<[string, Secrets, number]>([
    ['more changes than Redis', ['s', 'p', '', '5-2000'], 6],
    ['many more', ['s', 'p', '', '10-1'], 11],
    ['as many and is older', ['s', 'p', '', '4-999'], 5],
  ])('takes over, as a change, what an instance knows that has seen %s', async (_, brings, changes) => {
    await join('bank')
    await store()
    const reply = await join('bank', { brings })
    const version = expect.stringMatching(new RegExp(`^${changes}-\\d{13}$`))
    expect(reply).toEqual(['JOINED', 's', 'p', '', version])
    expect(await client.hmget(keys.meta, 'secret', 'previousSecret', 'nextSecret', 'secretVersion')).toEqual(
      reply.slice(1),
    )
  })

  it.each<[string, Secrets]>([
    ['fewer changes than Redis', ['s', 'p', '', '3-1']],
    ['as many and is newer', ['s', '', '', '4-1001']],
    ['nothing', ['s', '', '', '']],
  ])('gives what is stored to an instance that has seen %s, and writes nothing', async (_, brings) => {
    await join('bank')
    await store()
    const before = await everything()
    expect(await join('bank', { brings })).toEqual(['JOINED', ...stored])
    expect(await everything()).toEqual(before)
  })

  it('all that join an emptied Redis, in whatever order, end with the same secrets', async () => {
    const known: Secrets[] = [
      ['old', '', 'new', '2-100'],
      ['new', 'old', '', '3-200'],
      ['new', '', '', '4-300'],
      ['fresh', '', '', ''],
    ]
    const orders = known.flatMap((_, at) => [known.slice(at).concat(known.slice(0, at))])
    for (const order of [...orders, ...orders.map((one) => one.toReversed())]) {
      await server.wipe()
      let knows = order
      for (let round = 0; round < 3; round++) {
        const next: Secrets[] = []
        for (const brings of knows) next.push((await join('bank', { brings })).slice(1) as Secrets)
        knows = next
      }
      expect(new Set(knows.map((one) => one.join())).size).toBe(1)
      expect(knows[0]?.slice(0, 3)).toEqual(['new', '', '']) // what has seen most
    }
  })

  it('refuses a version of the app that is older than what the log holds, and writes nothing', async () => {
    await join('bank', { version: 2 })
    await append(await reign('n'), ['x'], { version: 10 })
    const before = await everything()
    expect(await join('bank', { version: 9 })).toEqual(['VERSION', '10'])
    expect(await everything()).toEqual(before)
    expect((await join('bank', { version: 10 }))[0]).toBe('JOINED')
    expect((await join('bank', { version: '' }))[0]).toBe('JOINED') // it was let in before
  })

  it('lets a newer version of the packages in, and leaves the format', async () => {
    await join('bank')
    const before = await everything()
    expect((await join('bank', { format: '2' }))[0]).toBe('JOINED')
    expect((await join('bank', { format: '10' }))[0]).toBe('JOINED')
    expect(await everything()).toEqual(before)
  })

  const known: Secrets = ['s', '', '', '9-9']
  it.each<[string, string, string, string, string[]]>([
    ['another application', '2', 'shop', '2', ['APP', 'bank']],
    ['an instance that only elects', '2', '', '2', ['APP', 'bank']],
    ['one that knows lower formats only', '2', 'bank', '1', ['FORMAT', '2']],
    ['one that knows lower formats only, by number', '10', 'bank', '9', ['FORMAT', '10']],
    ['all where the format is none', 'two', 'bank', '2', ['FORMAT', 'two']],
  ])('refuses %s, and writes nothing', async (_, storedFormat, app, format, refusal) => {
    await join('bank')
    await client.hset(keys.meta, 'formatVersion', storedFormat)
    const before = await everything()
    expect(await join(app, { format })).toEqual(refusal)
    expect(await join(app, { format, brings: known })).toEqual(refusal)
    expect(await everything()).toEqual(before)
  })
})

describe('rotateSecret', () => {
  const rotate = (version: string, fresh = 'fresh') =>
    callScript(client, 'rotateSecret', [keys.meta], [version, fresh]) as Promise<Secrets | null>

  it('announces a new secret, promotes it, and retires the old one', async () => {
    const [, , , , version] = await join('bank', { fresh: 'old' })
    const steps: Secrets[] = []
    for (let at = version; steps.length < 4; at = steps.at(-1)?.[3] ?? '') {
      steps.push((await rotate(at, `new ${steps.length}`)) ?? ['', '', '', ''])
    }
    expect(steps.map(([secret, previous, next]) => [secret, previous, next])).toEqual([
      ['old', '', 'new 0'],
      ['new 0', 'old', ''],
      ['new 0', '', ''],
      ['new 0', '', 'new 3'],
    ])
    expect(steps.map((step) => step[3].replace(/-\d{13}$/, ''))).toEqual(['2', '3', '4', '5'])
    expect(await join('bank')).toEqual(['JOINED', ...(steps.at(-1) as Secrets)])
  })

  it('goes on with a secret that is announced already', async () => {
    const version = (await join('bank', { brings: ['old', '', 'announced', '2-5'] }))[4]
    expect((await rotate(version))?.slice(0, 3)).toEqual(['announced', 'old', ''])
  })

  it('of two that know the same lets one take the step', async () => {
    const [, , , , version] = await join('bank')
    const replies = await Promise.all([rotate(version, 'a'), rotate(version, 'b')])
    expect(replies.filter((reply) => reply === null)).toHaveLength(1)
    expect((await join('bank')).slice(1)).toEqual(replies.find((reply) => reply !== null))
  })

  it.each([
    ['other secrets are stored', async () => {}, '1-5'],
    ['there are none', () => server.wipe(), '2-5'],
    ['there are none, and none are named', () => server.wipe(), ''],
  ])('writes nothing if %s', async (_, arrange, version) => {
    await join('bank', { brings: ['s', '', 'n', '2-5'] })
    await arrange()
    const before = await everything()
    expect(await rotate(version)).toBeNull()
    expect(await everything()).toEqual(before)
  })
})

describe('importSnapshot', () => {
  const TERMS = ['5', '1:x', '8', '10:y']

  /** Stores a snapshot of two chunks and has the script import it; `given` overrides what the importer would say. */
  async function importAt12(
    given: {
      look?: boolean
      replace?: boolean
      app?: string
      fields?: number
      before?: string[]
      term?: number
    } = {},
  ): Promise<string[]> {
    const { look = false, replace = true, app = 'bank', fields = 3, before = ['', ''], term = 8 } = given
    await client.hset(keys.snapshot('12-new'), { 0: 'a', 1: 'b', head: '{}' })
    await client.expire(keys.snapshot('12-new'), 600)
    const mode = [look ? '1' : '0', replace ? '1' : '0', app, '1', keys.anyPresence]
    const what = ['NEW', 'import', 7, '12-new', 12, term, 1234, 3, fields, ...before, 600, ...TERMS]
    const [present, older] = before.map((id) => (id === '' ? keys.meta : keys.snapshot(id))) as [
      string,
      string,
    ]
    return (await callScript(
      client,
      'importSnapshot',
      [keys.meta, keys.log, keys.terms, keys.snapshot('12-new'), present, older],
      [...mode, ...(look ? [] : what)],
    )) as string[]
  }

  it('begins a log behind the snapshot, under a claim of its own that names no leader', async () => {
    const start = Date.now()
    const [kind, term] = await importAt12()
    expect(kind).toBe('IMPORTED')
    expect(Number(term)).toBeGreaterThanOrEqual(start)
    const info = await client.info('replication')
    expect(await client.hgetall(keys.meta)).toEqual({
      ...{
        app: 'bank',
        appVersion: '3',
        formatVersion: '1',
        logId: 'NEW',
        term,
        nonce: 'import',
        head: '12',
        headTerm: '8',
      },
      ...{ time: '1234', first: '13', snapshot: '12-new', snapshotIndex: '12' },
      ...{ snapshotBefore: '', snapshotBeforeIndex: '0', replId: /master_replid:(\w+)/.exec(info)?.[1] },
    })
    expect(await client.hgetall(keys.terms)).toEqual({ 5: '1:x', 8: '10:y' })
    expect(await client.ttl(keys.snapshot('12-new'))).toBe(-1)
  })

  it('lets the next claim find the head of the snapshot, and no loss', async () => {
    await importAt12()
    const claimed = await claim({ version: 3 })
    expect(claimed.slice(0, 1).concat(claimed.slice(2, 5), claimed.slice(6, 7))).toEqual([
      ...['CLAIMED', 'NEW', '12', '8', '0'],
    ])
  })

  it('takes the place of a log, keeps what belongs to the group, and fences whoever led', async () => {
    await join('bank', { fresh: 'its secret' })
    const claimed = await reign('n')
    await append(claimed, ['a', 'b'])
    await client.hset(keys.snapshot('2-x'), 'head', '{}')
    await client.hset(keys.meta, 'snapshot', '2-x', 'snapshotIndex', '2')

    expect(await importAt12()).toEqual(['PRESENT', '2-x', ''])
    expect(await meta('logId')).toBe('L')
    const [kind, term] = await importAt12({ before: ['2-x', ''] })

    expect(kind).toBe('IMPORTED')
    expect(Number(term)).toBeGreaterThan(Number(claimed.term))
    expect(await client.hgetall(keys.meta)).toMatchObject({ secret: 'its secret', leaderChanges: '1' })
    expect(await meta('leader')).toBeNull()
    expect(await client.exists(keys.log)).toBe(0)
    expect(await client.ttl(keys.snapshot('2-x'))).toBeGreaterThan(0)
    const before = await everything()
    expect(await append({ ...claimed, head: '2', headTerm: claimed.term }, ['c'])).toEqual([
      'FENCED',
      'another log',
    ])
    expect(await claim({ expected: claimed.term })).toEqual(['OUTRUN', term])
    expect(await everything()).toEqual(before)
  })

  it.each([
    ['stored', HOUR_MS, 8],
    ['in the snapshot', 0, HOUR_MS],
  ])('rises above the term that is %s where the clock of Redis is behind', async (_, ahead, inSnapshot) => {
    const stored = ahead && Date.now() + ahead
    if (stored) await client.hset(keys.meta, 'term', stored)
    const term = inSnapshot === 8 ? 8 : Date.now() + inSnapshot
    const [, granted] = await importAt12({ term })
    expect(Number(granted)).toBe(Math.max(stored, term) + 7)
  })

  it('only looks where it is told so', async () => {
    expect(await importAt12({ look: true })).toEqual(['FREE'])
    expect(await client.exists(keys.meta)).toBe(0)
  })

  it.each([
    ['of which a chunk is gone', { fields: 4 }, ['GONE']],
    ['of another application', { app: 'shop' }, ['APP', 'bank']],
    ['that is not to replace a log', { replace: false }, ['LOG', '2']],
  ])('refuses a snapshot %s, and writes nothing', async (_, given, refusal) => {
    await join('bank', { fresh: 'its secret' })
    await append(await reign('n'), ['a', 'b'])
    const before = await client.dumpBuffer(keys.meta)
    expect(await importAt12(given)).toEqual(refusal)
    expect(await client.dumpBuffer(keys.meta)).toEqual(before)
    expect(await client.exists(keys.log)).toBe(1)
    expect(await client.ttl(keys.snapshot('12-new'))).toBeGreaterThan(0)
  })
})

describe('publishMember', () => {
  const publish = async (id: string, record: string) =>
    (await callScript(client, 'publishMember', [keys.members], [id, record])) as [string, string[]]

  it('stamps a record with the time of Redis, and lists all', async () => {
    await publish('a', '{"id":"a"}')
    const [time, members] = await publish('b', '{"id":"b"}')
    expect(time).toMatch(/^\d{13}$/)
    expect(members).toHaveLength(4)
    expect(members[members.indexOf('b') + 1]).toBe(`${time} {"id":"b"}`)
  })

  it('only lists where no id is given', async () => {
    await publish('a', '{}')
    const before = await everything()
    expect((await publish('', ''))[1]).toHaveLength(2)
    expect(await everything()).toEqual(before)
  })
})

describe('renewLease', () => {
  const renew = () => callScript(client, 'renewLease', [keys.lease], ['v', 5000])

  it.each([
    ['extends its own', () => client.set(keys.lease, 'v', 'PX', 10)],
    ['sets one that is absent', async () => 0],
  ])('%s', async (_, arrange) => {
    await arrange()
    expect(await renew()).toBe(1)
    expect(await client.get(keys.lease)).toBe('v')
    expect(await client.pttl(keys.lease)).toBeGreaterThan(4000)
  })

  it('leaves that of another alone', async () => {
    await client.set(keys.lease, 'other', 'PX', 60_000)
    const before = await everything()
    expect(await renew()).toBe(0)
    expect(await everything()).toEqual(before)
  })
})

it('giveBackLease takes exactly the lease that it is for', async () => {
  const giveBack = () => callScript(client, 'giveBackLease', [keys.lease], ['v', keys.leaseNotices])
  await client.set(keys.lease, 'other', 'PX', 60_000)
  const before = await everything()
  expect(await giveBack()).toBe(0)
  expect(await everything()).toEqual(before)
  await client.set(keys.lease, 'v', 'PX', 60_000)
  expect(await giveBack()).toBe(1)
  expect(await client.exists(keys.lease)).toBe(0)
})

it('goes on after SCRIPT FLUSH', async () => {
  const claimed = await reign('n')
  await client.script('FLUSH')
  expect((await append(claimed, ['x']))[0]).toBe('APPENDED')
  await client.script('FLUSH')
  expect(indexesOf((await read(0)).entries)).toEqual([1])
})

describe('setLeaderUrl', () => {
  const setUrl = (term: string, nonce: string) =>
    callScript(client, 'setLeaderUrl', [keys.meta], [term, nonce, 'http://new', ''])

  it('says where the leader is reached, and changes nothing else', async () => {
    const { term } = await reign('n')
    const before = await client.hgetall(keys.meta)
    expect(await setUrl(term, 'n')).toBe(1)
    expect(await client.hgetall(keys.meta)).toEqual({ ...before, url: 'http://new', publicUrl: '' })
  })

  it('of a claim that another has come after changes nothing', async () => {
    const [first, second] = [await reign('n1'), await reign('n2')]
    const before = await everything()
    expect(await setUrl(first.term, 'n1')).toBe(0)
    expect(await setUrl(second.term, 'n1')).toBe(0)
    expect(await setUrl(first.term, 'n2')).toBe(0)
    expect(await everything()).toEqual(before)
  })
})

describe('recordChange', () => {
  const record = (nonce: string, json = '{"a":1}') =>
    callScript(client, 'recordChange', [keys.meta, keys.changes], [nonce, 3, json])
  const stored = () => client.hgetall(keys.changes)

  it('remembers the last ones, each with the time of Redis', async () => {
    await claim({ nonce: 'n1' })
    for (const n of [1, 2, 3, 4]) expect(await record('n1', `{"n":${n}}`)).toBe(1)
    const { count, ...slots } = await stored()
    expect(count).toBe('4')
    expect(Object.keys(slots).toSorted()).toEqual(['0', '1', '2'])
    const [time] = await client.time()
    for (const row of Object.values(slots)) expect(row).toMatch(/^\d{13} \{"n":[234]\}$/)
    expect(Math.abs(Number(slots['1']?.slice(0, 10)) - (time ?? 0))).toBeLessThan(60)
  })

  it('of a claim that another has come after remembers nothing', async () => {
    await claim({ nonce: 'n1' })
    await claim({ nonce: 'n2' })
    expect(await record('n1')).toBe(0)
    expect(await stored()).toEqual({})
  })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, once, within } from '../../../test/support/deadline.js'
import { freePort } from '../../../test/support/free-port.js'
import { expectNoOpenHandles, handleSnapshot } from '../../../test/support/open-handles.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import {
  CommandError,
  createNode,
  defineStateMachine,
  type ElectionNode,
  type LeaseholdError,
  NotLeaderError,
  OptionsError,
  type Warning,
} from '../src/index.js'
import { errorOf } from './error-of.js'
import { FakeRedis } from './fake-redis.js'
import { journal } from './journal.js'
import { electionNode, type JournalNode, journalNode, newGroup, stopNodes, track } from './nodes.js'

let server: RedisServer
let group: string

beforeAll(async () => {
  server = await startRedis({ appendOnly: 'everysec' })
})

beforeEach(() => {
  group = newGroup()
})

afterEach(async () => {
  jest.restoreAllMocks()
  await stopNodes()
})

afterAll(stopAll)

/** A started node in the test's own group, on the Redis that all tests share. */
async function start(options: Partial<Parameters<typeof journalNode>[0]> = {}): Promise<JournalNode> {
  const node = journalNode({ group, redis: server.url, ...options })
  await node.start()
  return node
}

function warningsOf(node: ElectionNode): Warning[] {
  const warnings: Warning[] = []
  node.on('warning', (warning) => warnings.push(warning))
  return warnings
}

/** How many entries the group's log has. */
async function headOf(node: ElectionNode): Promise<number> {
  return (await node.groupStatus()).head
}

it('a lone instance is started when it leads', async () => {
  const node = await start()
  expect(node.isLeader).toBe(true)
  expect(node.role).toBe('leader')
  expect(await node.write('add', 'a')).toBe(1)
})

it('a start with many lease nodes gives Node no reason to warn of a leak', async () => {
  const nodes = await Promise.all(Array.from({ length: 5 }, () => startRedis()))
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  await start({ lease: { redis: nodes.map(({ url }) => url), ttlMs: 1000 } })
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

it('wrong options are told by createNode, all at once, before anything connects', () => {
  const create = () => createNode({ group: 'a:b', redis: 'nonsense', lease: { ttlMs: 1 } })
  expect(create).toThrow(OptionsError)
  expect(create).toThrow(/group is "a:b".*\n.*redis must be.*\n.*lease\.ttlMs is 1 ms: .*500/)
})

describe('Redis out of reach', () => {
  it('is told after startTimeoutMs, with the place and without the password, and leaves nothing running', async () => {
    const before = handleSnapshot()
    const port = await freePort()
    const redis = `redis://user:secret@127.0.0.1:${port}`
    const node = journalNode({ group, redis, startTimeoutMs: 200 })
    const startedMs = performance.now()
    const error = await errorOf(node.start())
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(195)
    expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE', retryable: true })
    expect(error.message).toContain(`Redis at redis://127.0.0.1:${port} cannot be reached: `)
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.message).not.toMatch(/secret|user/)
    expect(node.role).toBe('stopped')
    await expectNoOpenHandles(before)
  })

  it('names the lease node where that is the one', async () => {
    const before = handleSnapshot()
    const port = await freePort()
    const lease = { redis: `redis://127.0.0.1:${port}`, ttlMs: 1000 }
    const error = await errorOf(start({ lease, startTimeoutMs: 300 }))
    expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE' })
    expect(error.message).toContain(`127.0.0.1:${port}`)
    await expectNoOpenHandles(before)
  })

  it('says so where it is the password that is wrong', async () => {
    const redis = `redis://nobody:secret@127.0.0.1:${server.port}`
    const error = await errorOf(start({ redis, startTimeoutMs: 200 }))
    expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE' })
    expect(error.message).toContain('WRONGPASS')
    expect(error.message).not.toContain('secret')
  })

  it('is no error while it comes up in time', async () => {
    const late = await startRedis()
    await late.kill()
    const node = journalNode({ group, redis: late.url })
    const starting = node.start()
    await late.restart()
    await starting
    expect(node.isLeader).toBe(true)
  })
})

describe('a Redis that cannot keep our promises', () => {
  it('is refused if it may evict keys, and nothing is left running', async () => {
    const before = handleSnapshot()
    await server.command('CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru')
    const error = await errorOf(start())
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(error).toMatchObject({ code: 'REDIS_UNSUPPORTED', retryable: false })
    expect(error.message).toContain('maxmemory-policy allkeys-lru')
    expect(error.message).toContain('noeviction')
    await expectNoOpenHandles(before)
  })

  it('is refused as a lease node, too, if it may evict keys', async () => {
    const before = handleSnapshot()
    const lease = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
    const error = await errorOf(start({ lease: { redis: lease.url, ttlMs: 1000 } }))
    await lease.stop()
    expect(error).toMatchObject({ code: 'REDIS_UNSUPPORTED' })
    await expectNoOpenHandles(before)
  })

  it('is good enough with that policy, as long as it has no memory limit', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'allkeys-lru')
    const node = await start()
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    expect(node.isLeader).toBe(true)
  })

  it.each([
    ['redis_version:6.2.14', 'This is Redis 6.2.14; Redis 7.0 or Valkey 7.2 is needed.'],
    [
      'redis_version:7.2.4\r\nvalkey_version:7.1.0',
      'This is Valkey 7.1.0; Redis 7.0 or Valkey 7.2 is needed.',
    ],
    ['something_else:1', 'This is Redis unknown; Redis 7.0 or Valkey 7.2 is needed.'],
  ])('is refused if it is too old: %j', async (info, message) => {
    const old = await FakeRedis.start(`# Server\r\n${info}\r\n`)
    const error = await errorOf(start({ redis: old.url, startTimeoutMs: 2000 }))
    expect(error).toMatchObject({ code: 'REDIS_UNSUPPORTED', message })
    await old.stop()
  })

  it('is warned of where it keeps nothing over a restart', async () => {
    const forgetful = await startRedis()
    const node = journalNode({ group, redis: forgetful.url })
    const warnings = warningsOf(node)
    await node.start()
    expect(warnings).toEqual([
      {
        code: 'PERSISTENCE_OFF',
        message: 'This Redis has no append-only file: a restart loses the whole log. Set appendonly yes.',
      },
    ])
  })

  it('is not warned of where it keeps everything', async () => {
    const node = journalNode({ group, redis: server.url })
    const warnings = warningsOf(node)
    await node.start()
    expect(warnings).toEqual([])
  })

  it.each([
    ['CONFIG', 'CONFIG_FORBIDDEN', '-config'],
    ['INFO', 'INFO_FORBIDDEN', '-info'],
  ])('is warned of where %s is forbidden, and works', async (_, code, rule) => {
    jest.spyOn(console, 'warn').mockImplementation(() => {}) // ioredis has something to say of that, too
    await server.command('ACL', 'SETUSER', 'limited', 'on', '>p', 'allkeys', 'allchannels', '+@all', rule)
    const node = journalNode({ group, redis: `redis://limited:p@127.0.0.1:${server.port}` })
    const warnings = warningsOf(node)
    await node.start()
    expect(warnings.map((warning) => warning.code)).toEqual([code])
    expect(await node.write('add', 'a')).toBe(1)
  })
})

describe('a name', () => {
  it('belongs to one living instance, and the second one leaves nothing running', async () => {
    const first = await start({ name: 'same' })
    const before = handleSnapshot()
    const error = await errorOf(start({ name: 'same' }))
    expect(error).toMatchObject({ code: 'NAME_TAKEN', retryable: false })
    expect(error.message).toContain(`The name "same" belongs to ${first.id}, which is alive.`)
    expect(await first.write('add', 'a')).toBe(1)
    await expectNoOpenHandles(before)
  })

  it('is free again at once after a stop', async () => {
    await (await start({ name: 'same' })).stop()
    expect((await start({ name: 'same' })).isLeader).toBe(true)
  })

  it('is free again once its owner, who was killed, has missed its heartbeats', async () => {
    await leaveBehind('same')
    const startedMs = performance.now()
    await start({ name: 'same', heartbeatMs: 200 })
    expect(performance.now() - startedMs).toBeGreaterThan(300)
  })

  it('of somebody who was killed a moment ago is no reason to call Redis unreachable', async () => {
    await leaveBehind('same')
    const error = await errorOf(start({ name: 'same', heartbeatMs: 10_000, startTimeoutMs: 300 }))
    expect(error.message).toContain('same')
    expect(error).not.toMatchObject({ code: 'REDIS_UNREACHABLE' })
  })

  /** What stands in Redis of an instance that was killed this very moment. */
  async function leaveBehind(name: string): Promise<void> {
    const [seconds = '', micros = ''] = (await server.command('TIME')) as string[]
    const member = {
      id: `${name}-killed`,
      name,
      role: 'follower',
      index: 0,
      eligible: true,
      priority: 0,
      load: 0,
    }
    const record = `${seconds}${micros.padStart(6, '0').slice(0, 3)} ${JSON.stringify(member)}`
    await server.command('HSET', `leasehold:{${group}}:members`, member.id, record)
  }
})

describe('a group belongs to one application', () => {
  const shop = defineStateMachine({ name: 'shop', version: 1, initial: () => ({}), commands: {} })

  it('and refuses another state machine', async () => {
    await start()
    const other = track(createNode({ group, redis: server.url, name: 'o', stateMachine: shop }))
    const error = await errorOf(other.start())
    expect(error).toMatchObject({ code: 'APP_MISMATCH', retryable: false })
    expect(error.message).toContain(`Group "${group}" belongs to the application "journal", this is "shop".`)
  })

  it('and refuses an instance that only elects', async () => {
    await start()
    const error = await errorOf(electionNode({ group, redis: server.url }).start())
    expect(error).toMatchObject({ code: 'APP_MISMATCH' })
    expect(error.message).not.toContain('""')
  })

  it('and a group of instances that only elect refuses one with a state machine', async () => {
    await electionNode({ group, redis: server.url }).start()
    const error = await errorOf(start())
    expect(error).toMatchObject({ code: 'APP_MISMATCH' })
    expect(error.message).not.toContain('""')
  })
})

describe('the format of what stands in Redis', () => {
  const metaOf = () => server.command('HGETALL', `leasehold:{${group}}:meta`)
  const store = (version: string) =>
    server.command('HSET', `leasehold:{${group}}:meta`, 'formatVersion', version)

  it('is said there', async () => {
    await start()
    expect(await server.command('HGET', `leasehold:{${group}}:meta`, 'formatVersion')).toBe('1')
  })

  it('is refused where it is newer than the packages, at once, and nothing is changed', async () => {
    await (await start()).stop()
    await store('2')
    const members = () => server.command('HGETALL', `leasehold:{${group}}:members`)
    const stored = [await metaOf(), await members()]
    const before = handleSnapshot()
    const error = await errorOf(within(start({ startTimeoutMs: 60_000 })))
    expect(error).toMatchObject({ code: 'VERSION_TOO_OLD', retryable: false })
    expect(error.message).toBe(
      `Group "${group}" is stored in format 2, this version of Leasehold knows formats up to 1. Upgrade the packages of this instance. Nothing was changed.`,
    )
    expect([await metaOf(), await members()]).toEqual(stored)
    await expectNoOpenHandles(before)
  })

  it('is accepted where it is older', async () => {
    await (await start()).stop()
    await store('0')
    expect((await start()).isLeader).toBe(true)
    expect(await server.command('HGET', `leasehold:{${group}}:meta`, 'formatVersion')).toBe('0')
  })
})

describe('a write that cannot be', () => {
  /** As JavaScript calls it: no types stand in the way. */
  type AnyWrite = (command: string, args?: unknown, options?: object) => Promise<unknown>

  it.each<[string, unknown[], object]>([
    ['an unknown command', ['nope'], { code: 'UNKNOWN_COMMAND' }],
    ['a name that every object has', ['constructor'], { code: 'UNKNOWN_COMMAND' }],
    ['an argument that is not JSON', ['add', { when: new Date() }], { code: 'NOT_JSON' }],
    ['an entry that is too large', ['add', 'x'.repeat(5000)], { code: 'ENTRY_TOO_LARGE' }],
    ['write concern fsync', ['add', 'a', { writeConcern: 'fsync' }], { code: 'NOT_SUPPORTED' }],
    ['no write concern at all', ['add', 'a', { writeConcern: 'all' }], { code: 'INVALID_OPTIONS' }],
    ['an operation id with a space', ['add', 'a', { opId: 'x y' }], { code: 'INVALID_OPTIONS' }],
    ['a timeout that is none', ['add', 'a', { timeoutMs: -1 }], { code: 'INVALID_OPTIONS' }],
    ['a timeout that is no number', ['add', 'a', { timeoutMs: Number.NaN }], { code: 'INVALID_OPTIONS' }],
    ['a timeout without an end', ['add', 'a', { timeoutMs: Infinity }], { code: 'INVALID_OPTIONS' }],
    ['a timeout that is a text', ['add', 'a', { timeoutMs: '500' }], { code: 'INVALID_OPTIONS' }],
  ])('%s: is refused, and nothing is appended', async (_, args, refusal) => {
    const node = await start({ maxEntryBytes: 4096 })
    const write = node.write.bind(node) as AnyWrite
    await expect(write(...(args as [string]))).rejects.toMatchObject(refusal)
    expect(await headOf(node)).toBe(0)
  })

  it('says how large the entry is and may be', async () => {
    const node = await start({ maxEntryBytes: 4096 })
    await expect(node.write('add', 'x'.repeat(5000))).rejects.toThrow(
      /The entry has 50\d\d bytes, maxEntryBytes is 4096/,
    )
  })

  it('is not weakened where the node was made with a write concern that this Redis cannot honour', async () => {
    const node = await start({ writeConcern: 'fsync' })
    await expect(node.write('add', 'a')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    expect(await headOf(node)).toBe(0)
  })

  it('before the start says that this is not the leader', async () => {
    const node = journalNode({ group, redis: server.url })
    await expect(node.write('add', 'a')).rejects.toMatchObject({ code: 'NOT_LEADER', leader: undefined })
  })

  it('on a follower names the leader and where it is', async () => {
    const leader = await start({ url: 'http://127.0.0.1:1' })
    const follower = await start()
    const error = await errorOf(follower.write('add', 'a'))
    expect(error).toBeInstanceOf(NotLeaderError)
    expect(error).toMatchObject({
      code: 'NOT_LEADER',
      retryable: true,
      leader: { id: leader.id, term: leader.term, url: 'http://127.0.0.1:1', publicUrl: undefined },
    })
    expect(error.message).toContain(`the leader is ${leader.id} at http://127.0.0.1:1. Nothing was written`)
    expect(await headOf(leader)).toBe(0)
  })
})

it('a read before the start is refused: the replica is empty', () => {
  const node = journalNode({ group, redis: server.url })
  expect(() => node.read((state) => state.lines)).toThrow(
    expect.objectContaining({ code: 'NOT_STARTED', retryable: true }),
  )
})

describe('an instance that may not lead', () => {
  it('starts all the same, and says why', async () => {
    const node = await start({ eligible: false })
    expect(node.isLeader).toBe(false)
    expect(node.status()).toMatchObject({
      eligible: false,
      ineligibleBecause: 'the option eligible is false',
    })
  })

  it('without a url, when requests are routed to it, leads as soon as it has one', async () => {
    const node = journalNode({ group, redis: server.url })
    node.requireUrl()
    await node.start()
    expect(node.isLeader).toBe(false)
    expect(node.status().ineligibleBecause).toBe('it has no url, and requests are routed to it')
    node.setUrl('http://127.0.0.1:1')
    await eventually(() => node.isLeader)
    expect(node.leader?.url).toBe('http://127.0.0.1:1')
  })

  it('takes no url that is none', () => {
    const node = journalNode({ group, redis: server.url })
    expect(() => node.setUrl('nowhere', 'ftp://a')).toThrow(
      expect.objectContaining({
        problems: [expect.stringMatching(/^url /), expect.stringMatching(/^publicUrl /)],
      }),
    )
  })
})

describe('a command that throws', () => {
  it.each([
    [
      'a CommandError',
      'refuse',
      'INSUFFICIENT',
      { code: 'COMMAND_REJECTED', message: 'refused', reason: 'INSUFFICIENT' },
    ],
    [
      'anything else',
      'fail',
      undefined,
      { code: 'COMMAND_FAILED', message: expect.stringContaining('a bug of the app') },
    ],
  ] as const)(
    '%s: reaches the caller, stands in the log, and stops no replica',
    async (_, command, args, error) => {
      const [leader, follower] = [await start(), await start()]
      const writing = command === 'refuse' ? leader.write(command, args) : leader.write(command)
      await expect(writing).rejects.toMatchObject(error)
      expect(await leader.write('add', 'and on')).toBe(1)
      await eventually(() => follower.position.index === 2)
      expect(follower.position).toEqual(leader.position)
      expect(follower.read((state) => state.lines)).toEqual(['and on'])
    },
  )

  it('is an error event on every replica where somebody listens, and a CommandError is none', async () => {
    const [leader, follower] = [await start(), await start()]
    const heard: string[] = []
    follower.on('error', (error) => heard.push((error as LeaseholdError).code))
    await expect(leader.write('refuse', 'r')).rejects.toBeInstanceOf(CommandError)
    await expect(leader.write('fail')).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
    await eventually(() => follower.position.index === 2)
    expect(heard).toEqual(['COMMAND_FAILED'])
  })
})

describe('stop', () => {
  it('leaves nothing running', async () => {
    const before = handleSnapshot()
    const [leader, follower] = [await start(), await start()]
    await leader.write('add', 'a')
    await Promise.all([leader.stop(), follower.stop()])
    await expectNoOpenHandles(before)
    expect([leader.role, follower.role]).toEqual(['stopped', 'stopped'])
  })

  it('can be called as often as one likes', async () => {
    const node = await start()
    await Promise.all([node.stop(), node.stop()])
    await node.stop()
    expect(node.role).toBe('stopped')
  })

  it('leaves no keys of its own but the log and a record that it has stopped', async () => {
    const node = await start()
    await node.write('add', 'a')
    await node.stop()
    const keys = (await server.command('KEYS', `leasehold:{${group}}:*`)) as string[]
    expect(new Set(keys.map((key) => key.split(':').at(-1)))).toEqual(
      new Set(['changes', 'log', 'members', 'meta', 'terms']),
    )
    const records = (await server.command('HGETALL', `leasehold:{${group}}:members`)) as string[]
    expect(records).toEqual([node.id, expect.stringContaining('"role":"stopped"')])
  })

  it('refuses what comes after it', async () => {
    const node = await start()
    await node.stop()
    await expect(node.write('add', 'a')).rejects.toMatchObject({ code: 'NOT_LEADER' })
    expect(node.isLeader).toBe(false)
  })

  it('answers the writes that it has taken', async () => {
    const node = await start()
    const writes = Array.from({ length: 2000 }, (_, i) => node.write('add', `${i}`))
    const [answers] = await Promise.all([Promise.allSettled(writes), node.stop()])
    expect(answers.filter(({ status }) => status === 'rejected').length).toBe(0)
  })

  it.each([0, 2, 5, 10, 20, 40])(
    'during a start, after %i ms, ends it and leaves nothing running',
    async (ms) => {
      const before = handleSnapshot()
      const node = journalNode({ group, redis: server.url })
      const starting = node.start().then(
        () => 'started',
        (error: LeaseholdError) => error.code,
      )
      await sleep(ms)
      await within(node.stop())
      expect(['started', 'STOPPED']).toContain(await within(starting))
      expect(node.role).toBe('stopped')
      await expectNoOpenHandles(before)
    },
  )

  it('before a start makes one impossible', async () => {
    const node = journalNode({ group, redis: server.url })
    await node.stop()
    await expect(node.start()).rejects.toMatchObject({ code: 'STOPPED' })
  })

  it('of a node that was never started leaves nothing running', async () => {
    const before = handleSnapshot()
    const node = journalNode({ group, redis: server.url })
    await node.stop()
    await expectNoOpenHandles(before)
    expect(node.role).toBe('stopped')
  })

  it('happens at the end of an `await using`', async () => {
    let outer: JournalNode
    {
      await using node = await start()
      outer = node
      expect(node.isLeader).toBe(true)
    }
    expect(outer.role).toBe('stopped')
  })

  it.each(['killed', 'hung'] as const)(
    'ends in time and leaves nothing running when Redis was %s before',
    async (how) => {
      const before = handleSnapshot()
      const mortal = await startRedis()
      const [leader, follower] = [
        journalNode({ group, redis: mortal.url, stopTimeoutMs: 500, commandTimeoutMs: 300 }),
        journalNode({ group, redis: mortal.url, stopTimeoutMs: 500, commandTimeoutMs: 300 }),
      ]
      await leader.start()
      await follower.start()
      if (how === 'killed') await mortal.kill()
      else await mortal.pause()
      const startedMs = performance.now()
      await Promise.all([leader.stop(), follower.stop()])
      expect(performance.now() - startedMs).toBeLessThan(6000)
      await expectNoOpenHandles(before)
      await mortal.stop()
    },
  )

  it('hands over at once: the next leader serves long before the lease would have run out', async () => {
    const [first, second] = [
      await start({ lease: { ttlMs: 10_000 } }),
      await start({ lease: { ttlMs: 10_000 } }),
    ]
    const elected = once(second, 'elected')
    const startedMs = performance.now()
    await first.stop()
    await elected
    expect(performance.now() - startedMs).toBeLessThan(2000)
  })
})

it('a node starts once: a second call is the same start', async () => {
  const node = journalNode({ group, redis: server.url })
  await Promise.all([node.start(), node.start()])
  await node.start()
  expect(node.isLeader).toBe(true)
})

it('an instance that only elects leads, and has no log', async () => {
  const node = electionNode({ group, redis: server.url })
  await node.start()
  expect(node.isLeader).toBe(true)
  expect(node.term).toBeGreaterThan(1e12)
  expect('write' in node).toBe(false)
  expect(await server.command('EXISTS', `leasehold:{${group}}:log`)).toBe(0)
})

it('the state machine may be shared by several nodes of one process', async () => {
  const [a, b] = [await start(), await start()]
  await a.write('add', 'x')
  await eventually(() => b.position.index === 1)
  expect(a.read((state) => state)).not.toBe(b.read((state) => state))
  expect(journal.initial().lines).toEqual([])
})

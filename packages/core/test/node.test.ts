import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { eventually, once } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { startProxy } from '../../../test/support/tcp-proxy.js'
import type { NodeEvents, NodeOptions } from '../src/index.js'
import { electionNode, type JournalNode, journalNode, newGroup, stopNodes } from './nodes.js'

let server: RedisServer
let group: string

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(() => {
  group = newGroup()
})

afterEach(async () => {
  jest.restoreAllMocks()
  await stopNodes()
})

afterAll(stopAll)

async function start(options: Partial<NodeOptions> = {}): Promise<JournalNode> {
  const node = journalNode({ group, redis: server.url, ...options })
  await node.start()
  return node
}

/** The first is the leader. */
async function startThree(
  options: Partial<NodeOptions> = {},
): Promise<[JournalNode, JournalNode, JournalNode]> {
  return [await start(options), await start(options), await start(options)]
}

function linesOf(node: JournalNode): string[] {
  return node.read((state) => [...state.lines])
}

/** Waits until all stand where the first stands, and compares what they hold. */
async function expectEqual(...nodes: JournalNode[]): Promise<void> {
  const [first, ...others] = nodes
  if (!first) return
  for (const node of others) {
    await eventually(() => node.position.index === first.position.index)
    expect(node.position).toEqual(first.position)
    expect(linesOf(node)).toEqual(linesOf(first))
  }
}

/** All events of these kinds from now on, with what the node says of itself at that moment. */
function record<T>(node: JournalNode, kinds: (keyof NodeEvents)[], look: () => T): [string, unknown, T][] {
  const seen: [string, unknown, T][] = []
  for (const kind of kinds) node.on(kind, (...args: unknown[]) => seen.push([kind, args[0], look()]))
  return seen
}

describe('replication', () => {
  it('brings every write to every replica, in one order', async () => {
    const [leader, ...followers] = await startThree()
    const positions = await Promise.all(
      Array.from({ length: 300 }, (_, i) => leader.write('add', `line ${i}`)),
    )
    expect(positions).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    await expectEqual(leader, ...followers)
    expect(linesOf(leader)).toEqual(Array.from({ length: 300 }, (_, i) => `line ${i}`))
  })

  it('computes the same everywhere from what a command draws', async () => {
    const [leader, ...followers] = await startThree()
    for (let i = 0; i < 20; i++) await leader.write('draw')
    await expectEqual(leader, ...followers)
    expect(new Set(linesOf(leader)).size).toBe(20)
  })

  it('says where in the log a write stands', async () => {
    const node = await start()
    expect(await node.submit('add', 'a')).toEqual({ result: 1, index: 1, term: node.term })
    expect(node.position).toMatchObject({ index: 1, term: node.term })
    expect(node.read((_, at) => at)).toEqual({ index: 1, term: node.term })
  })

  it('goes through jobs, of which every follower gets its own', async () => {
    const added = jest.spyOn(Queue.prototype, 'add')
    const [leader, ...followers] = await startThree()
    await leader.write('add', 'a')
    await expectEqual(leader, ...followers)
    const queues = new Set((added.mock.contexts as Queue[]).map(({ name }) => name))
    expect(queues).toEqual(new Set(followers.map(({ id }) => id)))
  })

  it('goes on without jobs: what is lost, the next heartbeat finds', async () => {
    jest.spyOn(Queue.prototype, 'add').mockRejectedValue(new Error('lost'))
    const [leader, ...followers] = await startThree()
    expect(await leader.write('add', 'a')).toBe(1)
    await expectEqual(leader, ...followers)
  })

  it('gives a newcomer the whole log before its start resolves', async () => {
    const leader = await start()
    await Promise.all(Array.from({ length: 1300 }, (_, i) => leader.write('add', `line ${i}`)))
    const newcomer = await start()
    expect(newcomer.position).toEqual(leader.position)
    expect(linesOf(newcomer)).toEqual(linesOf(leader))
  })

  it('gives copies: a result that is changed changes no replica', async () => {
    const node = await start()
    await node.write('add', 'a')
    const lines = await node.write('all')
    lines.push('b')
    expect(linesOf(node)).toEqual(['a'])
  })
})

describe('a change of leader', () => {
  it('keeps the log, takes a higher term, and goes on', async () => {
    const [first, second, third] = await startThree()
    await first.write('add', 'a')
    await first.stop()
    const next = await eventually(() => [second, third].find((node) => node.isLeader))
    expect(next.term).toBeGreaterThan(first.position.term)
    expect(await next.write('add', 'b')).toBe(2)
    await expectEqual(next, second, third)
    expect(next.position.logId).toBe(first.position.logId)
    expect(linesOf(third)).toEqual(['a', 'b'])
  })

  it('prefers who has the higher priority: others may be faster, but not always', async () => {
    let leader = await start()
    const preferred = await start({ priority: 9 })
    for (let round = 0; round < 5 && !preferred.isLeader; round++) {
      const other = await start({ priority: 1 })
      await leader.stop()
      leader = await eventually(() => [preferred, other].find((node) => node.isLeader))
    }
    expect(preferred.isLeader).toBe(true)
  })

  it('is known to all', async () => {
    const [first, second, third] = await startThree()
    await first.stop()
    const next = await eventually(() => [second, third].find((node) => node.isLeader))
    for (const node of [second, third]) await eventually(() => node.leader?.id === next.id)
    expect([second.term, third.term]).toEqual([next.term, next.term])
  })
})

describe('status', () => {
  it('of an instance says what it is, from memory', async () => {
    const [leader, follower] = [await start({ url: 'http://127.0.0.1:1' }), await start()]
    await leader.write('add', 'a')
    await expectEqual(leader, follower)
    await eventually(() => follower.status().lagEntries === 0)
    expect(leader.status()).toMatchObject({
      id: leader.id,
      role: 'leader',
      isLeader: true,
      stale: false,
      halted: undefined,
    })
    expect(follower.status()).toMatchObject({
      ...{ id: follower.id, name: follower.name, url: undefined, role: 'follower', isLeader: false },
      ...{
        term: leader.term,
        leader: { id: leader.id, url: 'http://127.0.0.1:1' },
        position: leader.position,
      },
      ...{ lagEntries: 0, lagMs: 0, stale: false, caughtUp: true, eligible: true, queuedWrites: 0 },
    })
    expect(follower.status().idleMs).toBeLessThan(5000)
  })

  it('of the group is the same from every instance', async () => {
    const nodes = await startThree()
    const [leader] = nodes
    for (let i = 0; i < 5; i++) await leader.write('add', 'a')
    await expectEqual(...nodes)
    for (const node of nodes) {
      const status = await eventually(async () => {
        const now = await node.groupStatus()
        return now.inconsistency === 0 && now.times.copyMs !== undefined && now
      })
      expect(status).toMatchObject({
        name: group,
        head: 5,
        term: leader.term,
        leaderChanges: 1,
        inconsistency: 0,
      })
      expect(status.leader?.id).toBe(leader.id)
      const members = status.members.toSorted((a, b) => (a.name < b.name ? -1 : 1))
      expect(
        members.map(({ id, role, appliedIndex, lagEntries, alive }) => [
          id,
          role,
          appliedIndex,
          lagEntries,
          alive,
        ]),
      ).toEqual(
        nodes
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ id }) => [id, id === leader.id ? 'leader' : 'follower', 5, 0, true]),
      )
    }
  })

  it('has the four times, in milliseconds', async () => {
    const [first, second] = [await start(), await start()]
    await first.stop()
    await eventually(() => second.isLeader)
    const third = await start()
    const { times } = await eventually(async () => {
      await second.write('add', 'a') // one before the leader has heard of its follower has no copy to time
      const now = await third.groupStatus()
      return now.times.copyMs !== undefined && now.times.recoverMs !== undefined && now
    })
    for (const ms of [times.requestMs, times.copyMs, times.recoverMs]) {
      expect(ms).toBeGreaterThan(0)
      expect(ms).toBeLessThan(5000)
    }
    expect(times.totalMs).toBeCloseTo((times.requestMs ?? 0) + (times.copyMs ?? 0) + (times.recoverMs ?? 0))
  })

  it('goes stale when Redis is away, and reads go on', async () => {
    const proxy = await startProxy({ targetPort: server.port })
    const leader = await start()
    const follower = await start({ redis: `redis://127.0.0.1:${proxy.port}` })
    await leader.write('add', 'a')
    await expectEqual(leader, follower)
    proxy.refuse()
    proxy.reset()
    await eventually(() => follower.status().stale)
    expect(linesOf(follower)).toEqual(['a'])
    await expect(follower.groupStatus()).rejects.toThrow('enableOfflineQueue options is false')
    proxy.accept()
    await eventually(() => !follower.status().stale)
  })
})

describe('events', () => {
  it('come after what they say has become true', async () => {
    const node = journalNode({ group, redis: server.url })
    const look = () => ({ role: node.role, isLeader: node.isLeader, leads: node.leader?.id === node.id })
    const seen = record(node, ['leaderChanged', 'elected', 'caughtUp', 'demoted'], look)
    await node.start()
    const { term } = node
    await node.stop()

    const leading = { role: 'leader', isLeader: true, leads: true }
    const stopped = { role: 'stopped', isLeader: false, leads: false }
    const of = (kind: string) => seen.filter(([event]) => event === kind)
    expect(of('elected')).toEqual([['elected', { term, recoverMs: expect.any(Number) }, leading]])
    expect(of('demoted')).toEqual([['demoted', { term, reason: 'stopped' }, stopped]])
    expect(of('caughtUp')).toEqual([
      ['caughtUp', { position: expect.objectContaining({ index: 0 }) }, expect.anything()],
    ])
    expect(of('leaderChanged')).toEqual([
      [
        'leaderChanged',
        { leader: expect.objectContaining({ id: node.id, term }), reason: undefined },
        leading,
      ],
      ['leaderChanged', { leader: undefined, reason: 'stopped' }, stopped],
    ])
  })

  it('tell a follower of its leaders', async () => {
    const [first, second, third] = await startThree()
    const seen = record(third, ['leaderChanged'], () => third.leader?.id)
    await first.stop()
    const next = await eventually(() => [second, third].find((node) => node.isLeader))
    await eventually(() => seen.at(-1)?.[2] === next.id)
    for (const [, change, leader] of seen)
      expect((change as { leader?: { id: string } }).leader?.id).toBe(leader)
  })

  it('a listener that throws breaks nothing, and is told as an error', async () => {
    const [node, other] = [
      journalNode({ group, redis: server.url }),
      journalNode({ group, redis: server.url }),
    ]
    const errors: unknown[] = []
    for (const event of ['elected', 'leaderChanged', 'caughtUp', 'demoted', 'warning'] as const) {
      node.on(event, () => {
        throw new Error(`thrown on ${event}`)
      })
    }
    node.on('error', (error) => errors.push(error.message))
    await node.start()
    await other.start()
    expect(await node.write('add', 'a')).toBe(1)
    expect(errors).toEqual(
      expect.arrayContaining(['thrown on elected', 'thrown on leaderChanged', 'thrown on caughtUp']),
    )
    await node.stop()
    await eventually(() => other.isLeader)
    await expectEqual(node, other)
  })

  it('an error listener that throws breaks nothing, either', async () => {
    const node = await start()
    node.on('error', () => {
      throw new Error('again')
    })
    await expect(node.write('fail')).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
    expect(await node.write('add', 'a')).toBe(1)
  })

  it('are heard once, or no longer, where that was asked for', async () => {
    const node = journalNode({ group, redis: server.url })
    const heard: string[] = []
    const never = () => heard.push('never')
    node.once('elected', () => heard.push('once'))
    node.on('elected', never).off('elected', never)
    await node.start()
    expect(heard).toEqual(['once'])
  })
})

describe('whileLeader', () => {
  it('runs on the leader only, with its term, until leadership ends', async () => {
    const [first, second] = [
      electionNode({ group, redis: server.url }),
      electionNode({ group, redis: server.url }),
    ]
    const runs: { on: string; term: number; signal: AbortSignal }[] = []
    for (const node of [first, second]) {
      node.whileLeader(({ term, signal }) => runs.push({ on: node.id, term, signal }))
      await node.start()
    }
    await eventually(() => runs.length > 0)
    const term = first.term
    expect(runs).toEqual([{ on: first.id, term, signal: expect.objectContaining({ aborted: false }) }])
    await first.stop()
    expect(runs[0]?.signal.aborted).toBe(true)
    await eventually(() => runs.length === 2)
    expect(runs[1]).toMatchObject({ on: second.id, term: second.term })
    expect(second.term).toBeGreaterThan(term)
  })

  it('runs at once where the instance leads already, and ends when it is called off', async () => {
    const node = await start()
    let given: AbortSignal | undefined
    const callOff = node.whileLeader(({ signal }) => (given = signal))
    await eventually(() => given !== undefined)
    callOff()
    expect(given?.aborted).toBe(true)
    expect(node.isLeader).toBe(true)
  })

  it('is waited for by stop', async () => {
    const node = await start()
    let cleanedUp = false
    node.whileLeader(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      await new Promise((resolve) => setImmediate(resolve))
      cleanedUp = true
    })
    await eventually(() => node.isLeader)
    await new Promise((resolve) => setImmediate(resolve))
    await node.stop()
    expect(cleanedUp).toBe(true)
  })

  it('that throws is an error event, and changes nothing else', async () => {
    const node = await start()
    const failed = once<[Error]>(node, 'error')
    node.whileLeader(() => {
      throw new Error('a bug of the app')
    })
    const [error] = await failed
    expect(error.message).toBe('a bug of the app')
    expect(node.isLeader).toBe(true)
  })
})

it('leads(term) holds for the terms of an unbroken reign', async () => {
  const node = await start()
  expect(node.leads(node.term)).toBe(true)
  expect(node.leads(node.term - 1)).toBe(false)
  expect(node.leads(node.term + 1)).toBe(false)
})

it('a leader whose term connection is lost claims anew, and its reign goes on', async () => {
  const node = await start()
  await node.write('add', 'a')
  const { term } = node
  const [, id] = /id=(\d+)[^\n]*:term /.exec(String(await server.command('CLIENT', 'LIST'))) ?? []
  await server.command('CLIENT', 'KILL', 'ID', id ?? '')
  await eventually(() => node.isLeader && node.term > term)
  expect(node.leads(term)).toBe(true)
  expect(await node.write('add', 'b')).toBe(2)
})

it('what is written while the leader claims anew waits, and is written once', async () => {
  const node = await start()
  const [, id] = /id=(\d+)[^\n]*:term /.exec(String(await server.command('CLIENT', 'LIST'))) ?? []
  const killed = server.command('CLIENT', 'KILL', 'ID', id ?? '')
  const written: Promise<number>[] = []
  for (let i = 0; i < 200; i++) {
    written.push(node.write('add', `line ${i}`))
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await killed
  await Promise.all(written)
  expect(linesOf(node).toSorted()).toEqual(Array.from({ length: 200 }, (_, i) => `line ${i}`).toSorted())
})

describe('a replica off the log', () => {
  let client: Redis

  beforeAll(() => {
    client = new Redis(server.url)
  })

  afterAll(() => client.disconnect())

  /** What stands in Redis of the group's log. */
  async function save(): Promise<[string, Buffer][]> {
    const keys = ['meta', 'log', 'terms'].map((key) => `leasehold:{${group}}:${key}`)
    return Promise.all(keys.map(async (key) => [key, await client.dumpBuffer(key)] as [string, Buffer]))
  }

  /** Takes the log back to what it was. */
  async function restore(saved: [string, Buffer][]): Promise<void> {
    for (const [key, dump] of saved) await client.restore(key, 0, dump, 'REPLACE')
  }

  /** A replica that has seen more of the log than Redis has kept. It is away until `back` is called. */
  async function leftBehind(): Promise<{ away: JournalNode; saved: [string, Buffer][]; back: () => void }> {
    const proxy = await startProxy({ targetPort: server.port })
    const leader = await start()
    const away = await start({ redis: `redis://127.0.0.1:${proxy.port}` })
    for (const line of ['a', 'b']) await leader.write('add', line)
    const saved = await save()
    for (const line of ['c', 'd', 'e']) await leader.write('add', line)
    await expectEqual(leader, away)
    proxy.refuse()
    proxy.reset()
    await leader.stop()
    return { away, saved, back: () => proxy.accept() }
  }

  it('whose entries were lost and replaced: says how many, serves nothing meanwhile, and rebuilds itself', async () => {
    const { away, saved, back } = await leftBehind()
    await restore(saved)
    const other = await start()
    for (const line of ['x', 'y']) await other.write('add', line)

    const before = away.position
    const seen = record(away, ['diverged', 'caughtUp'], () => {
      try {
        return linesOf(away)
      } catch (error) {
        return (error as { code: string }).code
      }
    })
    back()
    await eventually(() => seen.length === 2)
    expect(seen).toEqual([
      ['diverged', { position: before, agreedIndex: 2, lost: 3 }, 'DIVERGED'],
      ['caughtUp', { position: other.position }, ['a', 'b', 'x', 'y']],
    ])
    await expectEqual(other, away)
    expect(away.status()).toMatchObject({ halted: undefined, caughtUp: true, stale: false })
  })

  it('whose log was replaced by another: the same', async () => {
    const { away, saved, back } = await leftBehind()
    await client.del(saved.map(([key]) => key))
    const other = await start()
    await other.write('add', 'x')

    const diverged = once<NodeEvents['diverged']>(away, 'diverged')
    const { index } = away.position
    back()
    const [{ agreedIndex, lost }] = await diverged
    expect({ agreedIndex, lost }).toEqual({ agreedIndex: 0, lost: index })
    await expectEqual(other, away)
    expect(away.position.logId).not.toBe('')
  })

  it('whose entries were lost: keeps them, reads on, says that it is stale, and lets the leader lead', async () => {
    const { away, saved, back } = await leftBehind()
    await restore(saved)
    const other = await start()

    const lost = once<NodeEvents['logLost']>(away, 'logLost')
    back()
    const [{ position, head }] = await lost
    expect({ index: position.index, head }).toEqual({ index: 5, head: 2 })
    expect(away.status()).toMatchObject({ halted: 'LOG_LOST', stale: true, role: 'follower' })
    expect(linesOf(away)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(other.isLeader).toBe(true)
  })
})

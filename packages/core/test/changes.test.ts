import { Redis } from 'ioredis'
import { getEventListeners } from 'node:events'
import { eventually, within } from '../../../test/support/deadline.js'
import { expectNoOpenHandles, handleSnapshot } from '../../../test/support/open-handles.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { startProxy } from '../../../test/support/tcp-proxy.js'
import type { Change, EntryChange, NodeOptions, Position } from '../src/index.js'
import type { journal } from './journal.js'
import { type JournalNode, journalNode, newGroup, stopNodes } from './nodes.js'

type JournalChange = Change<typeof journal.commands>
type Changes = AsyncIterableIterator<JournalChange, undefined>

/** More than are kept in memory. */
const MANY = 2500

let server: RedisServer
let group: string

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(() => {
  group = newGroup()
})

afterEach(stopNodes)
afterAll(stopAll)

async function start(options: Partial<NodeOptions> = {}): Promise<JournalNode> {
  const node = journalNode({ group, redis: server.url, ...options })
  await node.start()
  return node
}

/** The first is the leader. */
async function startThree(): Promise<[JournalNode, JournalNode, JournalNode]> {
  return [await start(), await start(), await start()]
}

function linesOf(node: JournalNode): string[] {
  return node.read((state) => [...state.lines])
}

async function write(node: JournalNode, lines: readonly string[]): Promise<void> {
  await Promise.all(lines.map((line) => node.write('add', line)))
}

function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `line ${from + i}`)
}

/** The next change. */
async function next(changes: Changes): Promise<JournalChange> {
  const { value, done } = await within(changes.next(), { message: 'a change' })
  if (done) throw new Error('The changes have ended')
  return value
}

async function take(changes: Changes, count: number): Promise<JournalChange[]> {
  const taken: JournalChange[] = []
  while (taken.length < count) taken.push(await next(changes))
  return taken
}

function entryOf(change: JournalChange): EntryChange<typeof journal.commands> {
  if (change.type !== 'entry') throw new Error(`Not an entry: ${JSON.stringify(change)}`)
  return change
}

const argsOf = (changes: readonly JournalChange[]) => changes.map((change) => entryOf(change).args)

describe('lists what is applied', () => {
  it('the same on every instance: what was asked for, and what became of it', async () => {
    const nodes = await startThree()
    const all = nodes.map((node) => node.changes())
    const firsts = all.map((changes) => changes.next())
    const [leader] = nodes
    await leader.write('add', 'a', { opId: 'mine' })
    await leader.write('refuse', 'because').catch(() => {})
    await leader.write('fail').catch(() => {})
    await leader.write('add', 'a', { opId: 'mine' }) // a repeat: nothing happens
    await leader.write('all')
    await leader.write('add', 'b')

    const seen = await Promise.all(
      all.map(async (changes, i) => [(await firsts[i])?.value, ...(await take(changes, 4))]),
    )
    expect(seen[0]).toMatchObject([
      { type: 'entry', opId: 'mine', command: 'add', args: 'a', outcome: 'ok', result: 1 },
      { command: 'refuse', args: 'because', outcome: 'rejected', error: { reason: 'because' } },
      { command: 'fail', args: undefined, outcome: 'failed', error: { code: 'COMMAND_FAILED' } },
      { command: 'all', outcome: 'ok', result: ['a'] }, // as it was then
      { command: 'add', args: 'b', outcome: 'ok', result: 2, position: leader.position },
    ])
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]).toEqual(seen[0])
    const last = entryOf(seen[0]?.at(-1) as JournalChange)
    expect(last).toMatchObject({ index: leader.position.index, term: leader.term })
    expect(Math.abs(last.time - Date.now())).toBeLessThan(60_000)
  })

  it('from where the replica stands at the call, or from the beginning', async () => {
    const node = await start()
    await write(node, ['a', 'b'])
    const { logId } = node.position
    const [here, all] = [node.changes(), node.changes({ after: { logId, term: 0, index: 0 } })]
    await write(node, ['c'])
    expect(argsOf(await take(here, 1))).toEqual(['c'])
    expect(argsOf(await take(all, 3))).toEqual(['a', 'b', 'c'])
  })

  it('from the log with what became of it where that is kept, and says where it is not', async () => {
    const node = await start()
    const after = node.position
    await node.write('add', 'a', { opId: 'mine' })
    await node.write('refuse', 'because', { opId: 'other' }).catch(() => {})
    await node.write('add', 'b')
    expect(await take(node.changes({ after }), 3)).toMatchObject([
      { args: 'a', outcome: 'ok', result: 1 },
      { outcome: 'rejected', error: { code: 'COMMAND_REJECTED', reason: 'because' } },
      { args: 'b', outcome: 'unknown', position: node.position },
    ])
  })

  it('nothing of a position that the log does not have', async () => {
    const node = await start()
    await write(node, ['a'])
    const { position } = node
    for (const after of [
      { ...position, logId: 'other' },
      { ...position, term: position.term - 1 },
      { ...position, index: position.index + 100 },
    ]) {
      await expect(node.changes({ after }).next()).rejects.toMatchObject({ code: 'LINEAGE_LOST' })
    }
  })

  it('nothing before it was started', async () => {
    const node = journalNode({ group, redis: server.url })
    await expect(node.changes().next()).rejects.toMatchObject({ code: 'NOT_STARTED' })
  })
})

describe('leaves nothing out and tells nothing twice (G5)', () => {
  it('a reader that goes from instance to instance, while leaders come and go under load', async () => {
    const nodes = await startThree()
    const acknowledged = new Set<string>()
    const enough = new AbortController()
    const load = (async () => {
      for (let i = 0; !enough.signal.aborted; i++) {
        const leader = nodes.find((node) => node.isLeader) ?? nodes[0]
        const lines = numbered(20, 20 * i)
        const written = lines.map((line) => leader.write('add', line).then(() => acknowledged.add(line)))
        await Promise.allSettled(written)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()

    const lines: string[] = []
    let after: Position = { ...nodes[0].position, term: 0, index: 0 }
    const terms = new Set<number>()
    for (let hop = 0; hop < 30; hop++) {
      const leader = await eventually(() => nodes.find((node) => node.isLeader))
      if (hop === 10) void leader.switchover()
      if (hop === 20) void leader.stop() // its readers go elsewhere
      const [node = leader] = nodes.slice(hop % 3)
      for await (const change of node.changes({ after })) {
        const entry = entryOf(change)
        terms.add(entry.term)
        after = entry.position
        lines.push(String(entry.args))
        if (lines.length % 97 === 0) break
      }
    }
    expect(terms.size).toBeGreaterThanOrEqual(3)
    enough.abort()
    await load
    const leader = await eventually(() => nodes.find((node) => node.isLeader))
    for await (const change of leader.changes({ after })) {
      lines.push(String(entryOf(change).args))
      if (lines.length === linesOf(leader).length) break
    }
    expect(lines).toEqual(linesOf(leader))
    expect(new Set(lines).size).toBe(lines.length)
    expect([...acknowledged].filter((line) => !lines.includes(line))).toEqual([])
  })

  it('a slow reader: what is in memory no more comes from the log', async () => {
    const [leader, follower] = await startThree()
    const readers = [leader, follower].map((node) => node.changes())
    const firsts = readers.map((changes) => changes.next())
    await write(leader, numbered(MANY))
    await eventually(() => linesOf(follower).length === MANY)
    for (const [i, changes] of readers.entries()) {
      const seen = [(await firsts[i])?.value as JournalChange, ...(await take(changes, MANY - 1))]
      expect(argsOf(seen)).toEqual(numbered(MANY))
      const outcomes = seen.map((change) => entryOf(change).outcome)
      expect(new Set(outcomes.slice(1, MANY - 1100))).toEqual(new Set(['unknown'])) // it was slow
      expect(new Set(outcomes.slice(-1000))).toEqual(new Set(['ok']))
    }
  })

  it('readers at every pace, together', async () => {
    const [leader, follower] = await startThree()
    const paces = [0, 1, 1, 3, 10]
    const read = paces.map(async (pace) => {
      const lines: unknown[] = []
      for await (const change of follower.changes({ after: follower.position })) {
        lines.push(entryOf(change).args)
        if (lines.length === MANY) break
        if (pace > 0 && lines.length % 25 === 0) await new Promise((resolve) => setTimeout(resolve, pace))
      }
      return lines
    })
    for (let i = 0; i < MANY; i += 50) await write(leader, numbered(50, i))
    for (const lines of await Promise.all(read)) expect(lines).toEqual(numbered(MANY))
  })
})

describe('says where it cannot tell', () => {
  const SHORT_LOG = { snapshotEntries: 100, trailingEntries: 10, heartbeatMs: 50 }

  /** Writes until the log does not reach back to `index`. */
  async function writeUntilTrimmed(leader: JournalNode, index: number): Promise<void> {
    await eventually(
      async () => {
        await write(leader, numbered(100))
        const [[id] = ['0-0']] = (await server.command(
          'XRANGE',
          `leasehold:{${group}}:log`,
          ...['-', '+', 'COUNT', 1],
        )) as [string][]
        return Number.parseInt(id ?? '0', 10) > index + 1
      },
      { message: 'the log to be trimmed' },
    )
  }

  it('a reader who is behind the beginning of the log, and goes on with what follows', async () => {
    const leader = await start(SHORT_LOG)
    const changes = leader.changes()
    const first = changes.next()
    const { index } = leader.position
    await write(leader, numbered(MANY))
    await writeUntilTrimmed(leader, index + 1)
    expect(argsOf([(await first).value as JournalChange])).toEqual(['line 0'])
    expect(await next(changes)).toEqual({ type: 'reset', position: leader.position })
    await write(leader, ['more'])
    expect(argsOf([await next(changes)])).toEqual(['more'])
    // The same to whoever comes from somewhere else.
    const late = leader.changes({ after: { ...leader.position, term: 0, index: 0 } })
    expect(await next(late)).toEqual({ type: 'reset', position: leader.position })
  })

  it('a replica that was away for so long that it loads a snapshot', async () => {
    const way = await startProxy({ targetPort: server.port })
    const leader = await start(SHORT_LOG)
    const away = await start({ ...SHORT_LOG, redis: `redis://127.0.0.1:${way.port}` })
    const changes = away.changes()
    const first = changes.next()
    await write(leader, ['seen'])
    expect(argsOf([(await first).value as JournalChange])).toEqual(['seen'])

    const { index } = away.position
    const waiting = changes.next()
    way.refuse()
    way.reset()
    await writeUntilTrimmed(leader, index + 2)
    way.accept()
    const reset = (await within(waiting)).value as JournalChange
    expect(reset.type).toBe('reset')
    expect(reset.position.index).toBeGreaterThan(index + 2)
    expect(linesOf(away).length).toBeGreaterThanOrEqual(reset.position.index - 5)
    // From there on nothing is missing.
    await write(leader, ['last'])
    let at = reset.position.index
    for await (const change of changes) {
      expect(change.position.index).toBeGreaterThan(at)
      at = change.position.index
      if (entryOf(change).args === 'last') break
    }
    expect(at).toBe(leader.position.index)
  })

  it('a replica that was off the log, once it has started over; what was lost is at no instance', async () => {
    const client = new Redis(server.url)
    const way = await startProxy({ targetPort: server.port })
    const leader = await start()
    const away = await start({ redis: `redis://127.0.0.1:${way.port}` })
    await write(leader, ['a', 'b'])
    const keys = ['meta', 'log', 'terms'].map((key) => `leasehold:{${group}}:${key}`)
    const saved = await Promise.all(keys.map(async (key) => [key, await client.dumpBuffer(key)] as const))
    await eventually(() => linesOf(away).length === 2)
    const changes = away.changes()
    const first = changes.next()
    await write(leader, ['lost'])
    const lost = entryOf((await within(first)).value as JournalChange)
    expect(lost.args).toBe('lost')
    way.refuse()
    way.reset()
    await leader.stop()
    for (const [key, dump] of saved) await client.restore(key, 0, dump, 'REPLACE')
    client.disconnect()
    const other = await start()
    await write(other, ['x', 'y'])

    const waiting = changes.next()
    way.accept()
    const reset = (await within(waiting)).value as JournalChange
    expect(reset.type).toBe('reset')
    expect(linesOf(away)).toEqual(['a', 'b', 'x', 'y'])
    expect(reset.position).toEqual(other.position)
    for (const node of [away, other]) {
      const resumed = node.changes({ after: lost.position })
      await expect(resumed.next()).rejects.toMatchObject({ code: 'LINEAGE_LOST' })
    }
  })
})

describe('ends', () => {
  it('by its signal, also before it began, and leaves nothing behind', async () => {
    const node = await start()
    const ending = new AbortController()
    const { signal } = ending
    const waiting = Array.from({ length: 10 }, () => node.changes({ signal }).next())
    ending.abort()
    for (const result of await within(Promise.all(waiting)))
      expect(result).toEqual({ done: true, value: undefined })
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(await node.changes({ signal }).next()).toEqual({ done: true, value: undefined })
  })

  it('when its reader goes, also while it waits', async () => {
    const node = await start()
    const { signal } = new AbortController()
    const changes = node.changes({ signal })
    const waiting = changes.next()
    expect(await within(changes.return?.() as Promise<unknown>)).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('when the node stops, and keeps nothing open', async () => {
    const before = handleSnapshot()
    const node = await start()
    await write(node, ['a'])
    const waiting = [node.changes(), node.changes({ after: node.position })].map((changes) => changes.next())
    await node.stop()
    for (const result of await within(Promise.all(waiting))) expect(result.done).toBe(true)
    expect((await node.changes().next()).done).toBe(true)
    await expectNoOpenHandles(before)
  })
})

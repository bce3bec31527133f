import { Applier } from '../../src/apply/applier.js'
import { LocalState } from '../../src/apply/state-machine.js'
import { systemClock } from '../../src/clock.js'
import { type AppendedBatch, decodeAppended, encodeAppended } from '../../src/log/appended.js'
import { encodeEntry } from '../../src/log/entry.js'
import type { LogPage, LogStore } from '../../src/log/log-store.js'
import type { SnapshotStore } from '../../src/log/snapshot.js'
import { CatchUp } from '../../src/replicate/catch-up.js'
import { listenerFor, pageWith } from '../catch-up-fixtures.js'
import { entryAt } from '../entries.js'
import { journal } from '../journal.js'

const never = new AbortController().signal
const HEAD = 2

let applier: Applier
let catchUp: CatchUp
let present: Partial<LogPage>
let used: number[]

beforeEach(async () => {
  present = {}
  used = []
  const log = {
    read: async (after: number) =>
      pageWith({
        head: HEAD,
        entries: Array.from({ length: HEAD - after }, (_, i) =>
          entryAt(after + i + 1, { term: 7, command: 'all' }),
        ),
        ...present,
      }),
  } as Pick<LogStore, 'read'> as LogStore
  applier = new Applier(new LocalState(journal), () => {})
  const listener = listenerFor({ used: () => used.push(applier.index) })
  catchUp = new CatchUp({ log, snapshots: {} as SnapshotStore, applier, clock: systemClock, listener })
  await catchUp.toHead(never)
})

const encoded = (index: number) =>
  encodeEntry({
    opId: `o${index}`,
    fingerprint: '',
    since: undefined,
    version: 1,
    command: 'all',
    args: undefined,
  })

/** Told of as it was appended: two entries from `first` on, but for what a test says. */
function batch(first: number, given: Partial<AppendedBatch> = {}): AppendedBatch {
  const entries = [encoded(first), encoded(first + 1)]
  return { logId: 'L', nonce: 'n', replId: 'r', term: 7, first, timeMs: 9, entries, ...given }
}

it('applies what goes on from where the replica is, and knows of the head then', async () => {
  expect(await catchUp.follow(batch(3))).toBe(true)
  expect(applier.position).toEqual({ logId: 'L', term: 7, index: 4 })
  expect(catchUp.head).toBe(4)
  expect(used.at(-1)).toBe(4)
})

it('applies the rest of what it has in part, and nothing of what it has', async () => {
  expect(await catchUp.follow(batch(2))).toBe(true)
  expect(applier.index).toBe(3)
  expect(await catchUp.follow(batch(1))).toBe(true)
  expect(applier.index).toBe(3)
  expect(catchUp.head).toBe(3)
})

it.each<[string, () => AppendedBatch]>([
  ['leaves a gap', () => batch(4)],
  ['is of another claim', () => batch(3, { nonce: 'm', term: 8 })],
  ['is of another log', () => batch(3, { logId: 'M' })],
  ['is of another life of the server', () => batch(3, { replId: 's' })],
])('applies nothing that %s: the log must be read (G5, G7)', async (_, told) => {
  expect(await catchUp.follow(told())).toBe(false)
  expect(applier.index).toBe(HEAD)
})

it('applies nothing to a replica that is ahead of the log', async () => {
  present = { head: 1, entries: [], replId: 's' }
  await catchUp.toHead(never)
  expect(catchUp.halted).toBe('LOG_LOST')
  expect(await catchUp.follow(batch(3, { replId: 's' }))).toBe(false)
  expect(applier.index).toBe(HEAD)
})

it('applies nothing to a replica that is in doubt: it has to start over', async () => {
  await catchUp.doubt('nothing')
  expect(await catchUp.follow(batch(3))).toBe(false)
  expect(applier.index).toBe(HEAD)
})

it('reads up to the head of its first look, and no further while it is told of what came since', async () => {
  const PAGE = 100
  let head = 250
  const read = jest.fn(async (after: number) => {
    const count = Math.min(PAGE, head - after)
    const entries = Array.from({ length: count }, (_, i) =>
      entryAt(after + i + 1, { term: 7, command: 'all' }),
    )
    const page = pageWith({ head, entries })
    head += 2 * PAGE // more than was read: it would never get there
    return page
  })
  const log = { read } as unknown as LogStore
  const listener = listenerFor({})
  catchUp = new CatchUp({ log, snapshots: {} as SnapshotStore, applier, clock: systemClock, listener })
  await catchUp.toHead(never, () => true)
  expect(read).toHaveBeenCalledTimes(3)
  expect(applier.index).toBe(HEAD + 3 * PAGE)
})

it('reads more at once while the head gets away from it, and no more than that', async () => {
  const limits: number[] = []
  let head = HEAD + 10_000
  const read = async (after: number, limit: number) => {
    limits.push(limit)
    const count = Math.min(limit, head - after)
    const entries = Array.from({ length: count }, (_, i) =>
      entryAt(after + i + 1, { term: 7, command: 'all' }),
    )
    const page = pageWith({ head, entries })
    head += limits.length < 6 ? limit : 0
    return page
  }
  const log = { read } as unknown as LogStore
  const listener = listenerFor({})
  catchUp = new CatchUp({ log, snapshots: {} as SnapshotStore, applier, clock: systemClock, listener })
  await catchUp.toHead(never)
  expect(limits.slice(0, 7)).toEqual([128, 128, 256, 256, 512, 512, 1024])
  expect(applier.index).toBe(head)
})

describe('what is told', () => {
  it('comes back as it was', () => {
    expect(decodeAppended(encodeAppended(batch(3)))).toEqual(batch(3))
  })

  it.each(['', 'hello', 'L n r 7 3 9', 'L n r x 3 9\n{}', 'L n r 7 3\n{}'])(
    'is nothing if it is %j',
    (text) => {
      expect(decodeAppended(text)).toBeUndefined()
    },
  )
})

import { Applier } from '../../src/apply/applier.js'
import { LocalState } from '../../src/apply/state-machine.js'
import { systemClock } from '../../src/clock.js'
import { defineStateMachine } from '../../src/index.js'
import type { Entry } from '../../src/log/entry.js'
import type { LogPage } from '../../src/log/log-store.js'
import { ChangeFeed } from '../../src/read/change-feed.js'
import type { ChangeReader } from '../../src/read/change-reader.js'
import { pageWith } from '../catch-up-fixtures.js'
import { entryAt } from '../entries.js'

const notes = defineStateMachine({
  name: 'notes',
  version: 1,
  initial: () => ({ notes: [] as { text: string }[] }),
  commands: {
    put(state, note: { text: string }) {
      for (const one of state.notes) one.text = 'changed later'
      state.notes.push(note)
      return state.notes
    },
  },
})

let applier: Applier
let feed: ChangeFeed
let stored: Entry[]
let page: Partial<LogPage>
let reads: number[]
let open: ChangeReader[]

beforeEach(() => {
  ;[stored, page, reads, open] = [[], {}, [], []]
  applier = new Applier(new LocalState(notes), (entry, applied) => feed.applied(entry, applied), {
    onStartedOver: () => feed.startedOver(),
  })
  const log = {
    async read(after: number) {
      reads.push(after)
      return pageWith({ head: stored.length, entries: stored.slice(after, after + 64), ...page })
    },
  }
  const replica = { applier, assertReadable: () => {}, reach: async () => {} }
  feed = new ChangeFeed({ replica, log, clock: systemClock })
  applier.adopt('L')
})

afterEach(() => Promise.all(open.map((reader) => reader.return())))

function apply(count: number, text = 'text'): void {
  for (let i = 0; i < count; i++) {
    const entry = entryAt(stored.length + 1, { term: 7, args: { text } })
    stored.push(entry)
    applier.apply({ ...entry, args: { text } }, 'n')
  }
}

function read(after?: number): ChangeReader {
  const reader = feed.open(after === undefined ? {} : { after: { logId: 'L', term: 7, index: after } })
  open.push(reader)
  return reader
}

it('keeps nothing while nobody reads, and nothing after the last one has gone', async () => {
  apply(3)
  expect(feed.recent.has(3)).toBe(false)
  const reader = read()
  const first = reader.next()
  apply(2)
  expect([3, 4, 5, 6].map((index) => feed.recent.has(index))).toEqual([false, true, true, false])
  await first
  await reader.return()
  expect(feed.readers).toBe(0)
  expect(feed.recent.has(5)).toBe(false)
  apply(1)
  expect(feed.recent.has(6)).toBe(false)
})

it('keeps no more than so many, and so many bytes', async () => {
  void read().next()
  apply(1)
  apply(1100, 't')
  // Results are larger and larger here, so the bytes are what bounds.
  const kept = Array.from({ length: 1101 }, (_, i) => i + 1).filter((index) => feed.recent.has(index))
  expect(kept.length).toBeGreaterThan(50)
  expect(kept.length).toBeLessThan(300)
  expect(kept.at(-1)).toBe(1101)
  expect(kept.length).toBe(1101 - (kept[0] ?? 0) + 1)
})

it('tells what was asked for and returned, whatever commands do with it later', async () => {
  const reader = read()
  const first = reader.next()
  apply(2)
  expect((await first).value).toMatchObject({ args: { text: 'text' }, result: [{ text: 'text' }] })
  expect((await reader.next()).value).toMatchObject({ index: 2, args: { text: 'text' } })
})

it('readers who come at once for the same share a look at the log', async () => {
  apply(100)
  const readers = Array.from({ length: 20 }, () => read(0))
  for (let index = 1; index <= 100; index++) {
    const told = await Promise.all(readers.map((reader) => reader.next()))
    expect(new Set(told.map(({ value }) => value?.position.index))).toEqual(new Set([index]))
  }
  expect(reads).toEqual([0, 64])
})

it('tells no entry of the log but those that the replica has applied (G5)', async () => {
  apply(3)
  stored[1] = entryAt(2, { term: 8, args: { text: 'of another reign' } })
  const notApplied = entryAt(4, { term: 7, args: { text: 'not applied yet' } })
  stored.push(notApplied)
  const reader = read(0)
  expect((await reader.next()).value).toMatchObject({ index: 1 })
  const second = reader.next()
  while (reads.length < 3) await new Promise((resolve) => setTimeout(resolve, 5)) // it looks again
  stored[1] = entryAt(2, { term: 7 })
  expect((await second).value).toMatchObject({ index: 2, term: 7 })
  expect((await reader.next()).value).toMatchObject({ index: 3 })
  const fourth = reader.next()
  applier.apply({ ...notApplied, args: { text: 'applied' } }, 'n')
  expect((await fourth).value).toMatchObject({ index: 4, args: { text: 'applied' } })
})

it('tells nothing of another log, and waits for its own', async () => {
  apply(2)
  page = { logId: 'M' }
  const first = read(0).next()
  while (reads.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  page = {}
  expect((await first).value).toMatchObject({ index: 1, position: { logId: 'L' } })
})

it('says that it starts over to each reader once, and what follows', async () => {
  apply(3)
  const readers = [read(), read(1)]
  const waiting = readers.map((reader) => reader.next())
  expect((await waiting[1])?.value).toMatchObject({ index: 2 })
  applier.reset()
  applier.adopt('L')
  for (const entry of stored) applier.apply(entry, 'n')
  const told = [(await waiting[0])?.value, (await readers[1]?.next())?.value]
  for (const reset of told) expect(reset).toMatchObject({ type: 'reset', position: { index: 3 } })
  const after = readers.map((reader) => reader.next())
  apply(1)
  for (const change of await Promise.all(after))
    expect(change.value).toMatchObject({ type: 'entry', index: 4 })
})

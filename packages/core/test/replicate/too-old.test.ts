import { Applier } from '../../src/apply/applier.js'
import { LocalState } from '../../src/apply/state-machine.js'
import { systemClock } from '../../src/clock.js'
import type { Entry } from '../../src/log/entry.js'
import type { LogPage, LogStore, SnapshotRef } from '../../src/log/log-store.js'
import type { SnapshotHead, SnapshotStore } from '../../src/log/snapshot.js'
import { CatchUp } from '../../src/replicate/catch-up.js'
import { listenerFor, pageWith, ROWS } from '../catch-up-fixtures.js'
import { entryAt } from '../entries.js'
import { journal } from '../journal.js'

/** A log as the test arranges it; the replica that reads it is version 1 of its app. */
let entries: Entry[]
let first: number
let head: number
let nonce: string
let snapshot: SnapshotRef | undefined
/** What the log was asked for: behind which index, and how much. */
let asked: [after: number, limit: number][]
let warned: string[]
let loads: number
let applier: Applier
let catchUp: CatchUp

const line = (index: number, given: Partial<Entry> = {}) =>
  entryAt(index, { term: 7, command: 'add', args: `line ${index}`, ...given })

const log = {
  read: async (after: number, limit: number): Promise<LogPage> => {
    asked.push([after, limit])
    return pageWith({
      ...{ nonce, head, first, snapshot },
      entries: entries.filter(({ index }) => index > after).slice(0, limit),
    })
  },
} as Pick<LogStore, 'read'> as LogStore

const snapshotHead = { logId: 'L', index: 3, term: 7, timeMs: 1, version: 2, chunks: 1, bytes: 1 }

/** It has the head alone, so a reader that goes on to the chunks fails otherwise. */
const snapshots = {
  readHead: async (id: string): Promise<SnapshotHead> => ({
    ...snapshotHead,
    id,
    terms: ROWS,
    sha256: '',
  }),
  readChunk: async () => {
    throw new Error('no chunk is to be read')
  },
} as Partial<SnapshotStore> as SnapshotStore

beforeEach(() => {
  entries = [line(1), line(2), line(3, { version: 2 }), line(4, { version: 2 })]
  first = 1
  head = 4
  nonce = 'n'
  snapshot = undefined
  asked = []
  warned = []
  loads = 0
  applier = new Applier(new LocalState(journal), () => {})
  catchUp = new CatchUp({
    log,
    snapshots,
    applier,
    clock: systemClock,
    listener: listenerFor({
      versionTooOld: ({ message }) => warned.push(message),
      loading: () => loads++,
      badSnapshot: ({ message }) => warned.push(message),
    }),
  })
})

const follow = () => catchUp.toHead(new AbortController().signal)

it('applies what it understands, stops there, and says so once', async () => {
  for (let time = 0; time < 3; time++) await follow()
  expect(applier.index).toBe(2)
  expect(catchUp).toMatchObject({ halted: 'VERSION_TOO_OLD', onHistory: false, head: 4 })
  expect(warned).toEqual(['Entry 3 was written by version 2 of the app, this is version 1'])
  expect(catchUp.stoppedBefore?.message).toBe(warned[0])
})

it('reads no more than what stopped it from then on', async () => {
  await follow()
  asked = []
  await follow()
  expect(asked).toEqual([[2, 1]])
})

it('counts as compared with a claim that came after it stopped: nobody has to wait for it', async () => {
  await follow()
  nonce = 'next'
  await follow()
  expect(catchUp).toMatchObject({ halted: 'VERSION_TOO_OLD', compared: { term: 7 } })
  expect(warned).toHaveLength(1)
})

it('stops in front of a command that it does not have', async () => {
  entries[2] = line(3, { command: 'take' })
  await follow()
  expect(applier.index).toBe(2)
  expect(catchUp.halted).toBe('VERSION_TOO_OLD')
  expect(warned).toEqual(['Entry 3 runs the command "take", which this version 1 of the app does not have'])
})

it.each<[string, () => void]>([
  ['is gone with an end of the log', () => ([entries, head] = [entries.slice(0, 2), 2])],
  ['has given way to something that it understands', () => (entries = [...entries.slice(0, 2), line(3)])],
])('goes on when what stopped it %s', async (_, arrange) => {
  await follow()
  arrange()
  head = entries.length
  await follow()
  expect(catchUp).toMatchObject({ halted: undefined, onHistory: true, stoppedBefore: undefined })
  expect(applier.index).toBe(head)
})

it('stops in front of a snapshot with entries of a newer version, and does not load it', async () => {
  await follow()
  first = 4
  snapshot = { id: 's', index: 3 }
  await follow()
  expect(applier.index).toBe(2)
  expect(warned).toHaveLength(1)

  applier.reset()
  for (let time = 0; time < 3; time++) await follow()
  expect(loads).toBe(1)
  expect(applier.index).toBe(0)
  expect(catchUp.halted).toBe('VERSION_TOO_OLD')
  expect(catchUp.stoppedBefore?.message).toBe(
    'The snapshot at entry 3 was written by version 2 of the app, this is version 1',
  )
})

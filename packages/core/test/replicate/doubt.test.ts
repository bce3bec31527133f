import { Applier } from '../../src/apply/applier.js'
import { LocalState } from '../../src/apply/state-machine.js'
import { systemClock } from '../../src/clock.js'
import { TermTable } from '../../src/log/history.js'
import type { LogStore, SnapshotRef } from '../../src/log/log-store.js'
import type { SnapshotHead, SnapshotStore } from '../../src/log/snapshot.js'
import { CatchUp } from '../../src/replicate/catch-up.js'
import { storeSnapshot, takeSnapshot, type TakenSnapshot } from '../../src/replicate/snapshot-maker.js'
import { listenerFor, pageWith, ROWS } from '../catch-up-fixtures.js'
import { entryAt } from '../entries.js'
import { journal } from '../journal.js'

/** The head of the log when the replica came to be in doubt. */
const START = 3

let head: number
/** Changes where Redis has lost something. */
let replId: string
let snapshot: SnapshotRef | undefined
/** What the replica has told of itself. */
let told: string[]
let applier: Applier
let catchUp: CatchUp

const line = (index: number) => entryAt(index, { term: 7, command: 'add', args: `line ${index}` })

const log = {
  read: async (after: number, limit: number) =>
    pageWith({
      ...{ head, replId, snapshot },
      entries: Array.from({ length: Math.max(0, Math.min(limit, head - after)) }, (_, at) =>
        line(after + at + 1),
      ),
    }),
} as Pick<LogStore, 'read'> as LogStore

const chunks = new Map<string, Buffer>()
const heads = new Map<string, SnapshotHead>()

const snapshots: SnapshotStore = {
  writeChunk: async (id, number, chunk) => void chunks.set(`${id} ${number}`, chunk),
  writeHead: async (given) => void heads.set(given.id, given),
  readHead: async (id) => heads.get(id),
  readChunk: async (id, number) => chunks.get(`${id} ${number}`),
}

const linesOf = () => (applier.snapshot() as { state: { lines: string[] } }).state.lines
const { signal } = new AbortController()
const toHead = () => catchUp.toHead(signal)

/** A snapshot at an index, of a replica that computed something else than the log says. */
async function makeSnapshot(index: number): Promise<void> {
  const other = new Applier(new LocalState(journal), () => {})
  other.adopt('L')
  for (let at = 1; at <= index; at++) other.apply({ ...line(at), args: `of another ${at}` }, 'n')
  const taken = (await takeSnapshot(other, systemClock)) as TakenSnapshot
  await storeSnapshot(snapshots, taken)
  snapshot = { id: taken.head.id, index }
}

beforeEach(async () => {
  head = START
  replId = 'r'
  snapshot = undefined
  told = []
  applier = new Applier(new LocalState(journal), () => {})
  catchUp = new CatchUp({
    log,
    snapshots,
    applier,
    clock: systemClock,
    listener: listenerFor({
      diverged: () => told.push('diverged'),
      rebuilding: () => told.push('rebuilding'),
      logLost: () => told.push('logLost'),
    }),
  })
  await toHead()
})

it('applies nothing, and keeps what it has, until there is a snapshot behind all of that', async () => {
  expect(await catchUp.doubt('fresh snapshot')).toBe(true)
  head = 5
  await makeSnapshot(START) // it may have made that one itself
  await toHead()
  expect([applier.index, catchUp.halted, told]).toEqual([START, 'DIVERGED', ['rebuilding']])
  expect(linesOf()).toEqual(['line 1', 'line 2', 'line 3'])

  await makeSnapshot(START + 1)
  await toHead()
  expect([applier.index, catchUp.halted, catchUp.startsOverFrom]).toEqual([5, undefined, undefined])
  expect(linesOf()).toEqual([...[1, 2, 3, 4].map((at) => `of another ${at}`), 'line 5'])
})

it('shows nothing before it is at the head that the log had when it started over', async () => {
  await catchUp.doubt('fresh snapshot')
  await makeSnapshot(START + 1)
  head = 2000
  const seen = new Set<unknown>()
  const look = setInterval(() => seen.add([applier.index < 2000, catchUp.halted].join()), 0)
  await toHead()
  clearInterval(look)
  expect([...seen]).not.toContain('true,')
  expect(catchUp.halted).toBeUndefined()
})

it('starts over from the log where nobody is left to wait for', async () => {
  await catchUp.doubt('fresh snapshot')
  await catchUp.doubt('log')
  await toHead()
  expect([applier.index, catchUp.halted, linesOf()]).toEqual([
    START,
    undefined,
    ['line 1', 'line 2', 'line 3'],
  ])
})

it('starts over from nothing at all, where it is told so', async () => {
  await catchUp.doubt('nothing')
  await makeSnapshot(START + 5)
  head = START + 5
  await toHead()
  expect([applier.index, catchUp.halted]).toEqual([START, 'DIVERGED'])
})

describe('where the log has lost entries', () => {
  beforeEach(async () => {
    await catchUp.doubt('fresh snapshot')
    head = 1
    replId = 'r2'
    await toHead()
  })

  it('puts nothing back as long as somebody else might', () => {
    expect([catchUp.halted, applier.index, told]).toEqual(['DIVERGED', START, ['rebuilding']])
  })

  it('keeps what it has if it is the last, and goes on with that once it has put it back', async () => {
    await catchUp.doubt('log')
    await toHead()
    expect([catchUp.halted, applier.index, told.at(-1)]).toEqual(['LOG_LOST', START, 'logLost'])
    head = START
    await catchUp.adopt({ ...(await log.read(0, 0, undefined)), table: new TermTable(ROWS) }, signal)
    expect([catchUp.halted, catchUp.startsOverFrom, catchUp.onHistory]).toEqual([undefined, undefined, true])
    expect(linesOf()).toEqual(['line 1', 'line 2', 'line 3'])
  })

  it('starts over if the log has them again by itself', async () => {
    await catchUp.doubt('log')
    await toHead()
    head = START
    replId = 'r3'
    await toHead()
    expect([catchUp.halted, catchUp.startsOverFrom, applier.index]).toEqual([undefined, undefined, START])
  })
})

it('goes on being what it was where it is halted already', async () => {
  head = 1
  const lost = { ...(await log.read(0, 0, undefined)), replId: 'r2', table: new TermTable(ROWS) }
  await catchUp.adopt(lost, signal)
  expect(catchUp.halted).toBe('LOG_LOST')
  expect(await catchUp.doubt('fresh snapshot')).toBe(false)
  expect([catchUp.halted, catchUp.startsOverFrom]).toEqual(['LOG_LOST', undefined])
})

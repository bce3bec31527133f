import { Applier } from '../../src/apply/applier.js'
import { nothingToApply } from '../../src/apply/nothing-to-apply.js'
import { TermTable } from '../../src/log/history.js'
import type { SnapshotHead, SnapshotStore } from '../../src/log/snapshot.js'
import { loadSnapshot } from '../../src/replicate/snapshot-loader.js'
import { storeSnapshot, takeSnapshot, type TakenSnapshot } from '../../src/replicate/snapshot-maker.js'
import { describePath, TimeSlice } from '../../src/replicate/time-slice.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const record = (path: (string | number)[], value: unknown) => JSON.stringify([path, value])

it('remembers the longest hold, and what took the longest of it', () => {
  const clock = new VirtualClock()
  const slice = new TimeSlice(clock)
  const work = (ms: number, done: string) => {
    clock.pause(ms)
    slice.did(done)
  }
  work(2, record(['a'], 1))
  work(5, record(['large', 3], 'x'.repeat(50)))
  work(1, record(['c'], 1))
  expect(slice.longest).toEqual({ ms: 8, path: ['large', 3], characters: 66 })
  slice.begin()
  work(3, record(['d'], 1))
  expect(slice.longest.ms).toBe(8)
  slice.begin()
  clock.pause(100) // whoever waits outside is not counted
  slice.begin()
  work(9, record(['e'], 1))
  expect(slice.longest).toMatchObject({ ms: 9, path: ['e'] })
})

it('is over when the loop has been held for long, and begins anew behind others', async () => {
  const clock = new VirtualClock()
  const slice = new TimeSlice(clock)
  clock.pause(8)
  slice.did(record([], 1))
  expect(slice.over).toBe(false)
  clock.pause(1)
  slice.did(record([], 1))
  expect(slice.over).toBe(true)
  let others = 0
  clock.timer(0, () => others++)
  const next = slice.next()
  await clock.advance(0)
  await next
  expect(others).toBe(1)
  expect(slice.over).toBe(false)
})

it('says where in words', () => {
  expect(describePath([])).toBe('the state itself')
  expect(describePath(['items', 3, 'text'])).toBe('items.3.text')
  expect(describePath(['x'.repeat(500)])).toHaveLength(101)
})

/** A value that takes so long to write down. */
class Slow {
  readonly #clock: VirtualClock
  readonly #ms: number
  readonly #text: string

  constructor(clock: VirtualClock, ms: number, text: string) {
    this.#clock = clock
    this.#ms = ms
    this.#text = text
  }

  toJSON(): string {
    this.#clock.pause(this.#ms)
    return this.#text
  }
}

/** A clock that stands still but for one look at it: by then, so much time has passed. */
class JumpingClock extends VirtualClock {
  #looks = 0
  jump: { readonly atLook: number; readonly ms: number } | undefined

  override now(): number {
    if (++this.#looks === this.jump?.atLook) this.pause(this.jump.ms)
    return super.now()
  }
}

/** Keeps one snapshot in memory. */
function memoryStore(): SnapshotStore {
  const chunks = new Map<number, Buffer>()
  let kept: SnapshotHead | undefined
  return {
    writeChunk: async (_id, number, chunk) => void chunks.set(number, chunk),
    writeHead: async (head) => void (kept = head),
    readHead: async () => kept,
    readChunk: async (_id, number) => chunks.get(number),
  }
}

it('tells how long a snapshot held the loop while it was taken, and while it was loaded', async () => {
  const takenBy = new VirtualClock()
  const state = { small: 1, texts: ['b'.repeat(70_000), new Slow(takenBy, 120, 'c'), 'd'] }
  const applier = new Applier({ ...nothingToApply, snapshot: () => state }, () => {})
  const taking = takeSnapshot(applier, takenBy)
  await takenBy.advance(0) // it gives way once
  const taken = (await taking) as TakenSnapshot
  expect(taken.hold).toEqual({
    ms: 120,
    path: ['state', 'texts'],
    characters: '[["state","texts"],["c","d"],1]'.length,
  })

  const store = memoryStore()
  await storeSnapshot(store, taken)
  const log = { logId: taken.head.logId, head: 0, table: new TermTable() }
  const loadedBy = new JumpingClock()
  // One look is at when it began, five are behind the checksum and the text of the one chunk; the fifth record is the large text.
  loadedBy.jump = { atLook: 1 + 5 + 5, ms: 70 }
  const loading = loadSnapshot({ store, log, version: 1, clock: loadedBy }, taken.head.id)
  const end = { reached: false }
  void loading.finally(() => (end.reached = true)).catch(() => {})
  while (!end.reached) await loadedBy.advance(1000) // it gives way behind the large text
  const loaded = await loading
  expect(JSON.stringify(loaded.state)).toBe(JSON.stringify(applier.snapshot()))
  expect(loaded.hold).toEqual({
    ms: 70,
    path: ['state', 'texts', 0],
    characters: 70_000 + '[["state","texts",0],""]'.length,
  })
})

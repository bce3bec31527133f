import { aborted } from '../../src/clock.js'
import { SnapshotTaker } from '../../src/operate/snapshot-taker.js'
import type { CatchUp } from '../../src/replicate/catch-up.js'
import type { TakenSnapshot } from '../../src/replicate/snapshot-maker.js'
import { settle, VirtualClock } from '../../src/testing/virtual-clock.js'
import type { Writer } from '../../src/write/writer.js'

const snapshot = {} as TakenSnapshot

let clock: VirtualClock
/** Ends the snapshot that is being taken. */
let done: () => void
let begun: number
let taker: SnapshotTaker

beforeEach(() => {
  clock = new VirtualClock()
  begun = 0
  taker = new SnapshotTaker({
    catchUp: {
      async takeSnapshot(_, signal = new AbortController().signal) {
        begun++
        const finished = new Promise<TakenSnapshot>((resolve) => (done = () => resolve(snapshot)))
        return Promise.race([finished, aborted(signal).then(() => undefined)])
      },
    } as Partial<CatchUp> as CatchUp,
    writer: { hold: (run: () => Promise<unknown>) => run() } as Partial<Writer> as Writer,
    clock,
  })
})

it('gives up what it takes when this instance begins to take over, and takes none before that is over', async () => {
  const trying = taker.tryTake()
  taker.giveWay()
  expect(await trying).toBeUndefined()
  expect(await taker.tryTake()).toBeUndefined()
  taker.resume()
  const next = taker.tryTake()
  done()
  expect(await next).toBe(snapshot)
})

it('begins anew what somebody waits for, a moment after the take-over', async () => {
  const taking = taker.take(() => true)
  taker.giveWay()
  await clock.advance(5000)
  expect(begun).toBe(1)
  taker.resume()
  await settle()
  expect(begun).toBe(1)
  await clock.advance(1000)
  expect(begun).toBe(2)
  done()
  expect(await taking).toBe(snapshot)
})

it('gives way as often as there are take-overs', async () => {
  const taking = taker.take(() => true)
  for (let time = 0; time < 3; time++) {
    taker.giveWay()
    await settle()
    taker.resume()
    await clock.advance(1000)
  }
  done()
  expect(await taking).toBe(snapshot)
})

import { Applier } from '../../src/apply/applier.js'
import { nothingToApply } from '../../src/apply/nothing-to-apply.js'
import { LocalState } from '../../src/apply/state-machine.js'
import { systemClock } from '../../src/clock.js'
import type { Claim, LogPage, LogStore } from '../../src/log/log-store.js'
import type { SnapshotStore } from '../../src/log/snapshot.js'
import { CatchUp } from '../../src/replicate/catch-up.js'
import { settle, VirtualClock } from '../../src/testing/virtual-clock.js'
import { listenerFor, pageWith } from '../catch-up-fixtures.js'
import { entryAt } from '../entries.js'
import { journal } from '../journal.js'

const PAGE = 2
const HEAD = 5

/** A log of five entries that gives two at a time. */
const log = {
  read: async (after: number, limit: number) =>
    pageWith({
      head: HEAD,
      entries: Array.from({ length: Math.min(PAGE, limit, HEAD - after) }, (_, i) =>
        entryAt(after + i + 1, { term: 7, command: 'all' }),
      ),
    }),
} as Pick<LogStore, 'read'> as LogStore

it('says that a page was used when the replica has what it brought, the last one included', async () => {
  const seen: [string, number, boolean][] = []
  const applier = new Applier(new LocalState(journal), () => {})
  const catchUp: CatchUp = new CatchUp({
    log,
    snapshots: {} as SnapshotStore,
    applier,
    clock: systemClock,
    listener: listenerFor({
      read: () => seen.push(['read', applier.index, catchUp.onHistory]),
      used: () => seen.push(['used', applier.index, catchUp.onHistory]),
    }),
  })

  await catchUp.toHead(new AbortController().signal)

  expect(seen).toEqual([
    ['read', 0, false],
    ['used', 2, true],
    ['read', 2, true],
    ['used', 4, true],
    ['read', 4, true],
    ['used', HEAD, true],
  ])
})

describe('while a snapshot is taken', () => {
  /** Each look at it takes long, so that a snapshot gives way behind each record; then time stands still. */
  class SlowClock extends VirtualClock {
    override now(): number {
      this.pause(10)
      return super.now()
    }
  }

  const { signal } = new AbortController()
  let order: string[]
  let catchUp: CatchUp
  let clock: SlowClock
  let reading: (() => void) | undefined

  beforeEach(async () => {
    order = []
    clock = new SlowClock()
    reading = undefined
    const machine = { ...nothingToApply, snapshot: () => ['a', 'b'].map((text) => text.repeat(70_000)) }
    catchUp = new CatchUp({
      log: {
        read: async () => {
          await new Promise<void>((resolve) => (reading = resolve))
          return pageWith({ head: 0 })
        },
      } as Pick<LogStore, 'read'> as LogStore,
      snapshots: {} as SnapshotStore,
      applier: new Applier(machine, () => {}),
      clock,
      listener: listenerFor({
        read: () => order.push('looked'),
        taken: () => order.push('taken'),
        present: () => order.push('adopted'),
      }),
    })
  })

  /** Resolves once the snapshot is there: it is compressed in real time. */
  async function written(): Promise<void> {
    while (!order.includes('taken')) await clock.advance(1000)
  }

  const claim: Claim = pageWith({ nonce: 'own', term: 8 }) as LogPage & Claim

  it('looks at the log do not wait for it', async () => {
    const taking = catchUp.takeSnapshot(() => true)
    await settle()
    const looking = catchUp.look()
    await settle()
    reading?.()
    await looking
    expect(order).toEqual(['looked'])
    await written()
    expect(await taking).toBeDefined()
  })

  it('a look that began meanwhile is not used after a claim that comes behind it', async () => {
    void catchUp.takeSnapshot(() => true)
    await settle()
    const looking = catchUp.look()
    const adopting = catchUp.adopt(claim, signal)
    await written()
    await settle()
    expect(order).toEqual(['taken'])
    reading?.()
    await Promise.all([looking, adopting])
    expect(order).toEqual(['taken', 'looked', 'adopted'])
  })

  it('is given up at the next slice, and so is one that waits for its turn', async () => {
    const leave = new AbortController()
    const taking = [
      catchUp.takeSnapshot(() => true, leave.signal),
      catchUp.takeSnapshot(() => true, leave.signal),
    ]
    await settle()
    leave.abort()
    const adopting = catchUp.adopt(claim, signal)
    await clock.advance(1000)
    await adopting
    expect(await Promise.all(taking)).toEqual([undefined, undefined])
    expect(order).toEqual(['adopted'])
  })
})

it('compares nothing with a claim whose take-over is over', async () => {
  let presents = 0
  const applier = new Applier(nothingToApply, () => {})
  const listener = listenerFor({ present: () => presents++ })
  const catchUp = new CatchUp({ log, snapshots: {} as SnapshotStore, applier, clock: systemClock, listener })
  await catchUp.adopt(pageWith({}) as LogPage & Claim, AbortSignal.abort())
  expect([presents, catchUp.onHistory]).toEqual([0, false])
})

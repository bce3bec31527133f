import { HeldLease } from '../../src/elect/held-lease.js'
import type { Lease, LeaseGuard, LeaseStore } from '../../src/elect/lease.js'
import { silentLogger } from '../../src/observe/logger.js'
import { settle, VirtualClock } from '../../src/testing/virtual-clock.js'

const TTL_MS = 900
/** A deadline is the TTL less a margin. */
const LENGTH_MS = 800

let clock: VirtualClock
let renewals: number[]
/** What another thread says of the lease. */
let guard: LeaseGuard & { gaveBack: boolean; ended: boolean }
let gaveBack: () => void

beforeEach(() => {
  clock = new VirtualClock()
  renewals = []
  guard = { gaveBack: false, ended: false, end: () => void (guard.ended = true) }
})

/** A lease that is renewed by `renew`, from now on. */
function hold(renew: (lease: Lease) => Promise<Lease | undefined>): {
  held: HeldLease
  kept: Promise<void>
  stop: () => void
} {
  const store = {
    renew: (lease: Lease) => {
      renewals.push(clock.now())
      return renew(lease)
    },
    guard: (_lease: Lease, tell: () => void) => {
      gaveBack = tell
      return guard
    },
  } as unknown as LeaseStore
  const lease = { value: 'v', deadlineMs: clock.now() + LENGTH_MS }
  const held = new HeldLease(store, lease, TTL_MS, clock, silentLogger)
  const stop = new AbortController()
  return { held, kept: held.keep(stop.signal), stop: () => stop.abort() }
}

/** What a store answers that grants a renewal, counted from when it was asked. */
const granted = async (lease: Lease): Promise<Lease> => ({ ...lease, deadlineMs: clock.now() + LENGTH_MS })

it('renews at a third of its time, for as long as it is granted', async () => {
  const { held } = hold(granted)
  await clock.advance(10_000)
  expect(renewals.slice(0, 4)).toEqual([300, 600, 900, 1200])
  expect(held.valid).toBe(true)
})

it('goes on from the time it asked, however slow the answer was', async () => {
  const { held } = hold(async (lease) => {
    const renewed = await granted(lease)
    await clock.sleep(100)
    return renewed
  })
  await clock.advance(950)
  expect(renewals).toEqual([300, 600, 900])
  expect(held.lease.deadlineMs).toBe(600 + LENGTH_MS)
})

it('ends at its deadline by its own timer when a renewal is never answered', async () => {
  const { held } = hold(() => new Promise(() => {}))
  await clock.advance(LENGTH_MS - 1)
  expect(held.ended.aborted).toBe(false)
  expect(held.valid).toBe(true)
  await clock.advance(1)
  expect(held.ended.aborted).toBe(true)
  expect(held.valid).toBe(false)
})

it('is not revived by an answer that comes after its deadline', async () => {
  let answer: (lease: Lease) => void = () => {}
  const { held, kept } = hold(() => new Promise((resolve) => (answer = resolve)))
  await clock.advance(LENGTH_MS)
  answer({ value: 'v', deadlineMs: clock.now() + LENGTH_MS })
  await kept
  expect(held.ended.aborted).toBe(true)
  expect(held.valid).toBe(false)
})

it('is not valid after a pause, before any timer could run', () => {
  const { held } = hold(granted)
  clock.pause(LENGTH_MS)
  expect(held.ended.aborted).toBe(false)
  expect(held.valid).toBe(false)
})

it('is not revived by an answer that waited through a pause, even before its timer runs', async () => {
  let answer: (lease: Lease) => void = () => {}
  const { held, kept } = hold(() => new Promise((resolve) => (answer = resolve)))
  await clock.advance(300)
  clock.pause(LENGTH_MS)
  answer({ value: 'v', deadlineMs: clock.now() + LENGTH_MS })
  await kept
  expect(held.ended.aborted).toBe(true)
})

it('ends at once when a renewal finds it lost', async () => {
  const { held, kept } = hold(async () => undefined)
  await clock.advance(300)
  await kept
  expect(held.ended.aborted).toBe(true)
  expect(clock.timers).toBe(0)
})

it('tries a renewal that failed again, soon and until its deadline', async () => {
  const { held } = hold(() => Promise.reject(new Error('no majority')))
  await clock.advance(LENGTH_MS)
  expect(renewals.length).toBeGreaterThanOrEqual(5)
  expect(Math.max(...gapsOf(renewals))).toBeLessThanOrEqual(TTL_MS / 10 + TTL_MS / 50)
  expect(held.ended.aborted).toBe(true)
})

it('recovers when a later attempt succeeds', async () => {
  let failures = 2
  const { held } = hold((lease) => (failures-- > 0 ? Promise.reject(new Error('no')) : granted(lease)))
  await clock.advance(5000)
  expect(held.valid).toBe(true)
})

it('stops renewing when told to, without ending the lease, and leaves no timer', async () => {
  const { held, kept, stop } = hold(granted)
  await clock.advance(400)
  stop()
  await kept
  await settle()
  expect(held.ended.aborted).toBe(false)
  expect(clock.timers).toBe(0)
})

it('is not valid from when another thread has given it back, before anything could run here', () => {
  const { held } = hold(granted)
  guard.gaveBack = true
  expect(held.ended.aborted).toBe(false)
  expect(held.valid).toBe(false)
})

it('is not renewed once it was given back, which would take it again', async () => {
  const { held, kept } = hold(granted)
  guard.gaveBack = true
  await clock.advance(300)
  await kept
  expect(renewals).toEqual([])
  expect(held.ended.aborted).toBe(true)
  expect(clock.timers).toBe(0)
})

it('is not revived by a renewal that was under way when it was given back', async () => {
  let answer: (lease: Lease) => void = () => {}
  const { held, kept } = hold(() => new Promise((resolve) => (answer = resolve)))
  await clock.advance(300)
  guard.gaveBack = true
  answer({ value: 'v', deadlineMs: clock.now() + LENGTH_MS })
  await kept
  expect(held.ended.aborted).toBe(true)
})

it('ends as soon as it is told that it was given back', async () => {
  const { held, kept } = hold(granted)
  gaveBack()
  expect(held.ended.aborted).toBe(true)
  await kept
})

it('ends its guard when it ends, and when it is not kept any more', async () => {
  const { kept } = hold(async () => undefined)
  await clock.advance(300)
  await kept
  expect(guard.ended).toBe(true)

  guard.ended = false
  const other = hold(granted)
  other.stop()
  await other.kept
  expect(guard.ended).toBe(true)
})

function gapsOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - (times[i] ?? 0))
}

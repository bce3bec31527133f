import { expectNoOpenHandles, handleSnapshot } from '../../../test/support/open-handles.js'
import { Bell, jitter, systemClock, withDeadline } from '../src/clock.js'
import { errorOf } from './error-of.js'
import { settle, VirtualClock } from '../src/testing/virtual-clock.js'

describe('the system clock', () => {
  it('does not care about the wall clock', () => {
    const before = systemClock.now()
    const wall = jest.spyOn(Date, 'now').mockReturnValue(0)
    expect(systemClock.now()).toBeGreaterThanOrEqual(before)
    expect(wall).not.toHaveBeenCalled()
    wall.mockRestore()
  })

  it('wakes a sleeper at once when its signal aborts, and leaves no timer', async () => {
    const before = handleSnapshot()
    const over = new AbortController()
    const asleep = systemClock.sleep(60_000, over.signal)
    over.abort()
    await asleep
    await systemClock.sleep(60_000, over.signal) // aborted already
    await expect(expectNoOpenHandles(before)).resolves.toBeUndefined()
  })

  it('runs a timer once, unless it is cancelled', async () => {
    const ran: string[] = []
    const cancel = systemClock.timer(1, () => ran.push('cancelled'))
    cancel()
    await new Promise<void>((resolve) => {
      systemClock.timer(2, () => resolve())
    })
    expect(ran).toEqual([])
  })
})

it.each([2 ** 31, Infinity])('a timer does not end at once because it is so long: %p ms', async (ms) => {
  const ran: number[] = []
  const cancel = systemClock.timer(ms, () => ran.push(ms))
  await systemClock.sleep(10)
  cancel()
  expect(ran).toEqual([])
})

it('jitter spreads by a fifth to either side', () => {
  const spread = Array.from({ length: 1000 }, () => jitter(systemClock, 100))
  expect(Math.min(...spread)).toBeGreaterThanOrEqual(80)
  expect(Math.max(...spread)).toBeLessThanOrEqual(120)
  expect(Math.max(...spread) - Math.min(...spread)).toBeGreaterThan(20)
})

describe('withDeadline', () => {
  const late = () => new Error('late')

  it('settles as its promise does, and leaves no timer', async () => {
    const clock = new VirtualClock()
    await expect(withDeadline(clock, Promise.resolve(1), 10, late)).resolves.toBe(1)
    await expect(withDeadline(clock, Promise.reject(new Error('no')), 10, late)).rejects.toThrow('no')
    expect(clock.timers).toBe(0)
  })

  it('rejects at the deadline', async () => {
    const clock = new VirtualClock()
    const outcome = errorOf(withDeadline(clock, new Promise(() => {}), 10, late))
    await clock.advance(10)
    expect((await outcome).message).toBe('late')
  })
})

describe('a bell', () => {
  const clock = new VirtualClock()
  const never = new AbortController().signal

  async function hasWoken(waiting: Promise<void>): Promise<boolean> {
    let woken = false
    void waiting.then(() => (woken = true))
    await settle()
    return woken
  }

  it('ends the wait when it rings', async () => {
    const bell = new Bell()
    const waiting = bell.wait(clock, 1000, never)
    expect(await hasWoken(waiting)).toBe(false)
    bell.ring()
    expect(await hasWoken(waiting)).toBe(true)
  })

  it('remembers a ring that came before the wait, and counts several as one', async () => {
    const bell = new Bell()
    bell.ring()
    bell.ring()
    expect(await hasWoken(bell.wait(clock, 1000, never))).toBe(true)
    expect(await hasWoken(bell.wait(clock, 1000, never))).toBe(false)
  })

  it('ends the wait in time, or when told to', async () => {
    const bell = new Bell()
    const over = new AbortController()
    const inTime = bell.wait(clock, 10, never)
    await clock.advance(10)
    expect(await hasWoken(inTime)).toBe(true)
    const told = bell.wait(clock, 10, over.signal)
    over.abort()
    expect(await hasWoken(told)).toBe(true)
  })
})

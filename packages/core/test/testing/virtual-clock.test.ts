import { seededRandom } from '../../src/testing/seeded-random.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

it('runs timers in the order of their times, each at its own time', async () => {
  const clock = new VirtualClock()
  const ran: [string, number][] = []
  clock.timer(20, () => ran.push(['b', clock.now()]))
  clock.timer(10, () => ran.push(['a', clock.now()]))
  clock.timer(31, () => ran.push(['late', clock.now()]))
  await clock.advance(30)
  expect(ran).toEqual([
    ['a', 10],
    ['b', 20],
  ])
  expect(clock.now()).toBe(30)
})

it('lets a loop go round as often as it would', async () => {
  const clock = new VirtualClock()
  const rounds: number[] = []
  const over = new AbortController()
  const loop = (async () => {
    while (!over.signal.aborted) {
      await clock.sleep(10, over.signal)
      rounds.push(clock.now())
    }
  })()
  await clock.advance(35)
  over.abort()
  await loop
  expect(rounds).toEqual([10, 20, 30, 35])
  expect(clock.timers).toBe(0)
})

it('does not run a timer that was cancelled', async () => {
  const clock = new VirtualClock()
  const fn = jest.fn()
  clock.timer(10, fn)()
  await clock.advance(10)
  expect(fn).not.toHaveBeenCalled()
})

it('after a pause time has passed and no timer has run', async () => {
  const clock = new VirtualClock()
  const fn = jest.fn()
  clock.timer(10, fn)
  clock.pause(50)
  expect(clock.now()).toBe(50)
  expect(fn).not.toHaveBeenCalled()
  await clock.advance(0)
  expect(fn).toHaveBeenCalledTimes(1)
  expect(clock.now()).toBe(50)
})

it('runs as many timers as are set in order, those of one moment as they were set, without what was cancelled', async () => {
  const clock = new VirtualClock()
  const random = seededRandom(1)
  const ran: number[] = []
  const set = Array.from({ length: 500 }, (_, number) => {
    const ms = Math.floor(random() * 50)
    return { number, ms, cancel: clock.timer(ms, () => ran.push(number)) }
  })
  const cancelled = set.filter(() => random() < 0.4)
  for (const { cancel } of [...cancelled, ...cancelled]) cancel()
  expect(clock.timers).toBe(500 - cancelled.length)
  await clock.advance(25)
  for (const { cancel } of set.filter(({ ms }) => ms <= 25)) cancel() // they have run
  await clock.advance(25)
  const left = set.filter((timer) => !cancelled.includes(timer))
  expect(ran).toEqual(left.toSorted((a, b) => a.ms - b.ms).map(({ number }) => number))
  expect(clock.timers).toBe(0)
})

it('goes on until a condition is met, and not a timer further', async () => {
  const clock = new VirtualClock()
  let rounds = 0
  const loop = (): void => void clock.timer(10, () => void Promise.resolve().then(() => (rounds++, loop())))
  loop()
  await clock.run(() => rounds === 120)
  expect({ rounds, nowMs: clock.now() }).toEqual({ rounds: 120, nowMs: 1200 })
  await clock.run(() => rounds === 121)
  expect(rounds).toBe(121)
})

it('stops where nothing is left to run, and at what throws', async () => {
  const clock = new VirtualClock()
  await clock.run(() => false)
  clock.timer(1, () => {
    throw new Error('thrown')
  })
  await expect(clock.run(() => false)).rejects.toThrow('thrown')
})

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

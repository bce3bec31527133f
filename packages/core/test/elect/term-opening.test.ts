import { TermOpening } from '../../src/elect/term-opening.js'
import type { TermConnection } from '../../src/log/log-store.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

let clock: VirtualClock
beforeEach(() => {
  clock = new VirtualClock()
})
afterEach(() => {
  if (clock.timers > 0) throw new Error('a timer was left behind')
})

/** An opening whose connection stands when the test says so. */
function opening() {
  const state = { closed: 0, connect: () => {}, cancelled: false }
  const connection = { close: () => void state.closed++ } as TermConnection
  const opened = new TermOpening(
    {
      openTerm: (signal) =>
        new Promise((resolve, reject) => {
          state.connect = () => resolve(connection)
          signal.addEventListener('abort', () => {
            state.cancelled = true
            reject(new Error('given up'))
          })
        }),
    },
    clock,
  )
  return { opened, state, connection }
}

const never = new AbortController().signal

it('is there at once for whoever takes it', async () => {
  const { opened, state, connection } = opening()
  state.connect()
  await clock.advance(999)
  expect(opened.isKept).toBe(true)
  expect(await opened.take(never)).toBe(connection)
  await clock.advance(10_000)
  expect(state).toMatchObject({ closed: 0, cancelled: false })
})

it('is waited for by whoever takes it before it stands', async () => {
  const { opened, state, connection } = opening()
  const taken = opened.take(never)
  await clock.advance(10_000)
  state.connect()
  expect(await taken).toBe(connection)
})

it('closes when nobody has taken it within a second', async () => {
  const { opened, state } = opening()
  state.connect()
  await clock.advance(1000)
  expect(opened.isKept).toBe(false)
  expect(state.closed).toBe(1)
})

it('is given up where it does not stand by then', async () => {
  const { opened, state } = opening()
  await clock.advance(1000)
  expect([opened.isKept, state.cancelled]).toEqual([false, true])
  await expect(opened.take(never)).rejects.toThrow('given up')
})

it('is given up with whoever waits for it', async () => {
  const { opened, state } = opening()
  const over = new AbortController()
  const taken = opened.take(over.signal)
  over.abort()
  await expect(taken).rejects.toThrow('given up')
  expect(state.cancelled).toBe(true)
})

it('is closed when it comes to somebody who has given up before', async () => {
  const { opened, state } = opening()
  state.connect()
  await opened.take(AbortSignal.abort())
  await clock.advance(0)
  expect(state.closed).toBe(1)
})

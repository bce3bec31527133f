import { type Clock, sleepOn } from '../clock.js'
import { seededRandom } from './seeded-random.js'

interface Timer {
  readonly dueMs: number
  readonly fn: () => void
}

/**
 * Time that passes only when a test says so, and chance that is the same for the same seed: no test waits, and none
 * depends on how fast the machine is.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock()
 * clock.timer(1000, () => console.log('a second later'))
 * await clock.advance(1000)
 * ```
 */
export class VirtualClock implements Clock {
  readonly random: () => number
  #nowMs = 0
  /** In the order in which they fall due; those of one moment in the order in which they were set. */
  readonly #timers: Timer[] = []

  /** @param seed of `random`. Default 1. */
  constructor(seed = 1) {
    this.random = seededRandom(seed)
  }

  /** Virtual milliseconds since the clock was made. */
  now(): number {
    return this.#nowMs
  }

  /** Calls `fn` once `ms` have passed; the returned function cancels it. */
  timer(ms: number, fn: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, ms), fn }
    const behind = this.#timers.findLastIndex(({ dueMs }) => dueMs <= timer.dueMs)
    this.#timers.splice(behind + 1, 0, timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at !== -1) this.#timers.splice(at, 1)
    }
  }

  /** Resolves once `ms` have passed, or `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.length
  }

  /** Lets time pass: each timer runs at its own time, and whatever it sets off has run before time goes on. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settle()
    while ((this.#timers[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= endMs) await this.next()
    this.#nowMs = endMs
  }

  /** Goes on to the next timer and runs it, with whatever it sets off. False if there is none. */
  async next(): Promise<boolean> {
    const timer = this.#timers.shift()
    if (!timer) return false
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.fn()
    await settle()
    return true
  }

  /** The process is paused for so long: when it goes on, time has passed and no timer has run yet. */
  pause(ms: number): void {
    this.#nowMs += ms
  }
}

/** Resolves once everything that is ready to run has run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

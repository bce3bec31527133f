import { type Clock, sleepOn } from '../clock.js'
import { seededRandom } from './seeded-random.js'
import { TimerQueue } from './timer-queue.js'

/**
 * Steps that are put before the event loop at once. Between two of them Node runs all that is ready, promises and ticks,
 * without a turn of the loop, which costs as much as a step does.
 */
const STEPS_A_TURN = 50

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
  readonly #timers = new TimerQueue()

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
    return this.#timers.add(this.#nowMs + Math.max(0, ms), fn)
  }

  /** Resolves once `ms` have passed, or `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size
  }

  /** Lets time pass: each timer runs at its own time, and whatever it sets off has run before time goes on. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await this.run(() => (this.#timers.first?.dueMs ?? Number.POSITIVE_INFINITY) > endMs)
    this.#nowMs = endMs
  }

  /**
   * Lets time pass, as `advance` does, until `isOver`, which is asked before each timer; or until there is none.
   * Rejects with what `isOver` or a timer throws.
   */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let ended = false
      const step = () => {
        if (ended) return
        try {
          ended = isOver() || !this.#runNext()
          if (ended) resolve()
        } catch (error) {
          ended = true
          reject(error)
        }
      }
      const turn = () => {
        if (ended) return
        for (let i = 0; i < STEPS_A_TURN; i++) setImmediate(step)
        setImmediate(turn)
      }
      turn()
    })
  }

  /** The process is paused for so long: when it goes on, time has passed and no timer has run yet. */
  pause(ms: number): void {
    this.#nowMs += ms
  }

  #runNext(): boolean {
    const timer = this.#timers.take()
    if (!timer) return false
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.fn()
    return true
  }
}

/** Resolves once everything that is ready to run has run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

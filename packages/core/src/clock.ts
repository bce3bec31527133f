import { performance } from 'node:perf_hooks'

/**
 * Time as the library sees it, and chance. Everything that waits, measures or spreads goes through a `Clock`, so that
 * the same code can run in virtual time, and again in the same way. There is no wall clock here on purpose: no promise
 * may depend on one.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start. Never goes back; unaffected by changes of the wall clock. */
  now(): number
  /**
   * Resolves after `ms`, or at once when `signal` aborts. It never rejects: a loop that wakes up looks at its signal
   * anyway, and a sleep that throws would make every loop catch.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` once after `ms`, 24 days at most; the returned function cancels it. */
  timer(ms: number, fn: () => void): () => void
  /** From 0 up to 1. For spreading what would else come together, never for secrets. */
  random(): number
}

/** Node takes a longer time for 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The real clock: `performance.now()` and Node's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),

  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),

  timer(ms, fn) {
    const timeout = setTimeout(fn, Math.min(ms, LONGEST_TIMER_MS))
    return () => clearTimeout(timeout)
  },

  random: Math.random,
}

/** A clock's `sleep`, by its `timer`. */
export function sleepOn(clock: Pick<Clock, 'timer'>, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const wake = () => {
      cancel()
      signal?.removeEventListener('abort', wake)
      resolve()
    }
    const cancel = clock.timer(ms, wake)
    signal?.addEventListener('abort', wake)
  })
}

/** `ms` spread by ±`fraction` (default a fifth), so that instances that failed together do not retry together. */
export function jitter(clock: Clock, ms: number, fraction = 0.2): number {
  return ms * (1 + fraction * (2 * clock.random() - 1))
}

/**
 * Settles as `promise` does, or rejects with `onTimeout()` after `ms`. The promise itself goes on; whoever calls this
 * must be able to live with its late outcome.
 */
export function withDeadline<T>(
  clock: Clock,
  promise: Promise<T>,
  ms: number,
  onTimeout: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.timer(ms, () => reject(onTimeout()))
    promise.then(
      (value) => {
        cancel()
        resolve(value)
      },
      (error) => {
        cancel()
        reject(error)
      },
    )
  })
}

/** Resolves when `promise` has settled, either way, or after `ms`: for an end that must come whatever else does not. */
export function settledWithin(clock: Clock, promise: Promise<unknown>, ms: number): Promise<void> {
  return withDeadline(clock, promise, ms, () => new Error('late')).then(
    () => {},
    () => {},
  )
}

/** Wakes one loop: `ring` before or during `wait` ends the wait, and rings that come together count once. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves when the bell rings, after `ms`, or when `signal` aborts. One waiter at a time. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          cancel()
          signal.removeEventListener('abort', wake)
          this.#wake = undefined
          resolve()
        }
        const cancel = clock.timer(ms, wake)
        signal.addEventListener('abort', wake)
        this.#wake = wake
      })
    }
    this.#rung = false
  }
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Ms since 1970 by this machine's wall clock. Only to be shown to people, or compared with another clock for them. */
export function wallClockMs(): number {
  return Date.now()
}

import type { Clock } from '../src/clock.js'

interface Timer {
  readonly dueMs: number
  readonly fn: () => void
}

/** Time that passes only when a test says so: no test waits, and none depends on how fast the machine is. */
export class VirtualClock implements Clock {
  #nowMs = 0
  /** In the order in which they fall due; those of one moment in the order in which they were set. */
  #timers: Timer[] = []

  now(): number {
    return this.#nowMs
  }

  timer(ms: number, fn: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, ms), fn }
    this.#timers.push(timer)
    this.#timers.sort((a, b) => a.dueMs - b.dueMs)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        cancel()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = this.timer(ms, wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.length
  }

  /** Lets time pass: each timer runs at its own time, and whatever it sets off has run before time goes on. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settle()
    for (let next = this.#timers[0]; next && next.dueMs <= endMs; next = this.#timers[0]) {
      this.#timers.shift()
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.fn()
      await settle()
    }
    this.#nowMs = endMs
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

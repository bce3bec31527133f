import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Clock } from '../clock.js'

/** A loop that is late by so much is as good as fully used. */
const FULL_DELAY_MS = 200
const DELAY_RESOLUTION_MS = 20
/**
 * What was longer ago counts little. Others know a load only from the heartbeat before: were it to change much from one to
 * the next, two instances could each take the other for the better one, and both wait.
 */
const MEMORY_MS = 2000

/** Tells how busy an instance is. */
export interface LoadGauge {
  start(): void
  stop(): void
  /** The load of late, 0 to 1, with what has been since the last call. */
  measure(): number
}

/** How busy this thread's event loop is: by its utilisation, or by how late it runs, whichever is worse. */
export class LoopLoad implements LoadGauge {
  readonly #clock: Clock
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  #utilisation = performance.eventLoopUtilization()
  #lastMs: number
  #value = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastMs = clock.now()
  }

  start(): void {
    this.#delay.enable()
  }

  stop(): void {
    this.#delay.disable()
  }

  measure(): number {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#utilisation)
    this.#utilisation = now
    const lateMs = Math.max(0, this.#delay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS)
    this.#delay.reset()
    const recent = Math.min(
      1,
      Math.max(Number.isFinite(utilization) ? utilization : 0, lateMs / FULL_DELAY_MS),
    )
    const elapsedMs = this.#clock.now() - this.#lastMs
    this.#lastMs += elapsedMs
    return (this.#value += (recent - this.#value) * (1 - Math.exp(-elapsedMs / MEMORY_MS)))
  }
}

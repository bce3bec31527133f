import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Bell, type Clock, jitter } from '../clock.js'
import type { Logger } from '../observe/logger.js'
import type { Member, MemberStore, MemberView } from './members.js'

const RETRY_MS = 100
/** A loop that is late by so much is as good as fully used. */
const FULL_DELAY_MS = 200
const DELAY_RESOLUTION_MS = 20

/** What the heartbeat asks of the rest of the node. */
export interface HeartbeatListener {
  /** What this instance says of itself. */
  describe(load: number): Member
  /** Everybody, right after this instance was published. */
  beat(members: readonly MemberView[]): Promise<void> | void
}

/** Publishes this instance and learns of the others, at least every `heartbeatMs`. */
export class Heartbeat {
  readonly #store: MemberStore
  readonly #listener: HeartbeatListener
  readonly #everyMs: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #bell = new Bell()
  #utilisation = performance.eventLoopUtilization()
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  #lastMs: number

  constructor(parts: {
    store: MemberStore
    listener: HeartbeatListener
    everyMs: number
    clock: Clock
    logger: Logger
  }) {
    this.#store = parts.store
    this.#listener = parts.listener
    this.#everyMs = parts.everyMs
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#lastMs = parts.clock.now()
  }

  /** Milliseconds since the loop last came round, whether Redis answered or not. */
  get idleMs(): number {
    return this.#clock.now() - this.#lastMs
  }

  /** Beats at once: something changed that others should know. */
  beatNow(): void {
    this.#bell.ring()
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#delay.enable()
    while (!signal.aborted) {
      this.#lastMs = this.#clock.now()
      let pauseMs = this.#everyMs
      try {
        const members = await this.#store.publish(this.#listener.describe(this.#load()))
        if (!signal.aborted) await this.#listener.beat(members)
      } catch (error) {
        this.#logger.debug({ err: error }, 'a heartbeat failed')
        pauseMs = jitter(Math.min(RETRY_MS, this.#everyMs))
      }
      await this.#bell.wait(this.#clock, pauseMs, signal)
    }
    this.#delay.disable()
  }

  /** How busy the event loop has been since the heartbeat before, 0 to 1: by its utilisation, or by how late it ran. */
  #load(): number {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#utilisation)
    this.#utilisation = now
    const lateMs = Math.max(0, this.#delay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS)
    this.#delay.reset()
    return Math.min(1, Math.max(Number.isFinite(utilization) ? utilization : 0, lateMs / FULL_DELAY_MS))
  }
}

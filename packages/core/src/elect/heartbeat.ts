import { Bell, type Clock, jitter } from '../clock.js'
import type { Logger } from '../observe/logger.js'
import type { LoadGauge } from './loop-load.js'
import type { Member, MemberStore, MemberView } from './members.js'

const RETRY_MS = 100

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
  readonly #load: LoadGauge
  #lastMs: number

  constructor(parts: {
    store: MemberStore
    listener: HeartbeatListener
    everyMs: number
    clock: Clock
    load: LoadGauge
    logger: Logger
  }) {
    this.#store = parts.store
    this.#listener = parts.listener
    this.#everyMs = parts.everyMs
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#load = parts.load
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
    this.#load.start()
    while (!signal.aborted) {
      this.#lastMs = this.#clock.now()
      let pauseMs = this.#everyMs
      try {
        const members = await this.#store.publish(this.#listener.describe(this.#load.measure()))
        if (!signal.aborted) await this.#listener.beat(members)
      } catch (error) {
        this.#logger.debug({ err: error }, 'a heartbeat failed')
        pauseMs = jitter(this.#clock, Math.min(RETRY_MS, this.#everyMs))
      }
      await this.#bell.wait(this.#clock, pauseMs, signal)
    }
    this.#load.stop()
  }
}

import { type Clock, jitter } from '../clock.js'
import type { Logger } from '../observe/logger.js'
import type { Lease, LeaseGuard, LeaseStore } from './lease.js'

/** Hears what each renewal came to: `lost`, the lease is somebody else's; `failed`, nobody answered in time. */
export type RenewalListener = (outcome: 'renewed' | 'lost' | 'failed', ms: number) => void

/**
 * A lease from its grant to its end: renews it at a third of its time, and ends it by the own timer when its deadline
 * passes, whether Redis has answered or not (G10). A guard ends it earlier where this thread hangs.
 */
export class HeldLease {
  readonly #store: LeaseStore
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #logger: Logger
  readonly #ended = new AbortController()
  readonly #guard: LeaseGuard
  readonly #asked: RenewalListener
  #lease: Lease
  #cancelTimer: () => void = () => {}

  constructor(
    store: LeaseStore,
    lease: Lease,
    ttlMs: number,
    clock: Clock,
    logger: Logger,
    asked: RenewalListener = () => {},
  ) {
    this.#store = store
    this.#clock = clock
    this.#ttlMs = ttlMs
    this.#logger = logger
    this.#lease = lease
    this.#asked = asked
    this.#guard = store.guard(lease, () => this.#end())
    this.#arm()
  }

  get lease(): Lease {
    return this.#lease
  }

  /** Aborts when the lease is over: expired, or found to be lost. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** Looks at the clock and at the guard: after a pause no timer may have run yet. */
  get valid(): boolean {
    const inTime = this.#clock.now() < this.#lease.deadlineMs
    return !this.#ended.signal.aborted && inTime && !this.#guard.gaveBack
  }

  /** How much of it is left at this moment, in ms; 0 once it is over. */
  get leftMs(): number {
    return this.valid ? Math.max(0, this.#lease.deadlineMs - this.#clock.now()) : 0
  }

  /** Renews until the lease ends or `signal` aborts. */
  async keep(signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([signal, this.ended])
    let pauseMs = this.#ttlMs / 3
    while (!over.aborted) {
      await this.#clock.sleep(pauseMs, over)
      if (over.aborted) break
      if (this.#guard.gaveBack) {
        this.#end() // a renewal would bring it back, since it sets keys that are absent
        break
      }
      const startedMs = this.#clock.now()
      try {
        const renewed = await this.#store.renew(this.#lease)
        this.#asked(renewed ? 'renewed' : 'lost', this.#clock.now() - startedMs)
        // A reply that comes after the deadline must not revive what has ended, even if the timer is late too.
        if (!renewed || !this.valid) {
          this.#end()
          break
        }
        this.#lease = renewed
        this.#arm()
        pauseMs = Math.max(0, this.#ttlMs / 3 - (this.#clock.now() - startedMs))
      } catch (error) {
        this.#asked('failed', this.#clock.now() - startedMs)
        this.#logger.debug({ err: error }, 'renewing the lease failed; trying again until its deadline')
        pauseMs = jitter(this.#clock, Math.min(100, this.#ttlMs / 10))
      }
    }
    this.#guard.end()
    this.#cancelTimer()
  }

  #arm(): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#clock.timer(Math.max(0, this.#lease.deadlineMs - this.#clock.now()), () =>
      this.#end(),
    )
  }

  #end(): void {
    this.#cancelTimer()
    this.#ended.abort()
  }
}

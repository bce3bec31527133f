import { type Clock, jitter } from '../clock.js'
import type { Logger } from '../observe/logger.js'
import { remember } from '../remember.js'
import type { LeaseStore } from './lease.js'

/** Between the first look that finds a leader gone and the second: a presence that was only cut off is back by then. */
const CONFIRM_MS = 10
/** How often those look that would run first, and all others. */
const LOOK_MS = 25
const SLOW_LOOK_MS = 250
const FIRST_RANKS = 2
/** Leaders that were deposed and are remembered. */
const MAX_DEPOSED = 100

/** The leader that an instance watches. */
export interface WatchedLeader {
  readonly id: string
  /** The lease that it leads with. */
  readonly leaseValue: string
}

/** What the watch asks of the rest of the node. */
export interface WatchListener {
  /** Who leads, if this instance is to watch it: it could run itself. */
  leader(): WatchedLeader | undefined
  /** How many instances would run before this one. */
  rank(): number
  /** The leader was deposed; its process was last seen alive at `seenMs`. */
  deposed(id: string, seenMs: number): void
}

/**
 * Notices within milliseconds that the leader's process is gone, and ends its lease before it runs out (G10).
 *
 * A mistake costs a failover and nothing else, since the log decides who may write (G2). So that it stays rare, nobody is
 * gone who was seen only once to be gone, or on a connection that had never seen it; and whoever was deposed and leads
 * again was alive: of it signs are not believed any more, its lease has to run out.
 */
export class LeaderWatch {
  readonly #leases: LeaseStore
  readonly #listener: WatchListener
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #deposed = new Set<string>()

  constructor(parts: { leases: LeaseStore; listener: WatchListener; clock: Clock; logger: Logger }) {
    this.#leases = parts.leases
    this.#listener = parts.listener
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  /** Watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let seenMs = this.#clock.now()
    while (!signal.aborted) {
      const leader = this.#listener.leader()
      if (leader && !this.#deposed.has(leader.id)) {
        const startedMs = this.#clock.now()
        if (await this.#isGone(leader, signal)) await this.#depose(leader, seenMs)
        else seenMs = startedMs
      }
      const lookMs = this.#listener.rank() < FIRST_RANKS ? LOOK_MS : SLOW_LOOK_MS
      await this.#clock.sleep(jitter(lookMs), signal)
    }
  }

  async #isGone({ id, leaseValue }: WatchedLeader, signal: AbortSignal): Promise<boolean> {
    if ((await this.#leases.isPresent(id)) !== false) return false
    await this.#clock.sleep(CONFIRM_MS, signal)
    if (signal.aborted || (await this.#leases.isPresent(id)) !== false) return false
    return this.#listener.leader()?.leaseValue === leaseValue // or somebody was faster
  }

  async #depose({ id, leaseValue }: WatchedLeader, seenMs: number): Promise<void> {
    if (!(await this.#leases.depose(leaseValue))) return
    remember(this.#deposed, id, MAX_DEPOSED)
    this.#logger.info({ leader: id }, 'the process of the leader is gone; its lease was ended')
    this.#listener.deposed(id, seenMs)
  }
}

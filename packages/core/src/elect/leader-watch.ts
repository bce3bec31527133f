import { Bell, type Clock, jitter } from '../clock.js'
import type { Logger } from '../observe/logger.js'
import { remember } from '../remember.js'
import type { LeaseStore } from './lease.js'

/** Between the first look that finds a leader gone and the second: a presence that was only cut off is back by then. */
const CONFIRM_MS = 5
/** How often those look that would run first, and all others. */
const LOOK_MS = 25
const SLOW_LOOK_MS = 250
const FIRST_RANKS = 2
/** How often, and for how long, whoever has a reason to: Redis may hear of an end a moment later than the others do. */
const SUSPICIOUS_LOOK_MS = 3
const SUSPICION_MS = 60
/** One that goes on living under suspicion must not have Redis asked without end. */
const SUSPECT_AGAIN_MS = 1000
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
  /** Who would run first. */
  heir(): string | undefined
  /** The leader's process may be gone: a moment later more is known. */
  suspected(): void
  /** The leader was deposed, in favour of `heir`; its process was last seen alive at `seenMs`. */
  deposed(heir: string | undefined, seenMs: number): void
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
  readonly #bell = new Bell()
  #suspect: { readonly id: string; readonly sinceMs: number } | undefined

  constructor(parts: { leases: LeaseStore; listener: WatchListener; clock: Clock; logger: Logger }) {
    this.#leases = parts.leases
    this.#listener = parts.listener
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  /** Something suggests that the process of `id` is gone: it is looked at now, and closely for a moment. */
  suspect(id: string): void {
    const sinceMs = this.#clock.now()
    if (this.#suspect?.id === id && sinceMs < this.#suspect.sinceMs + SUSPECT_AGAIN_MS) return
    this.#suspect = { id, sinceMs }
    this.#bell.ring()
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
      await this.#bell.wait(this.#clock, jitter(this.#clock, this.#lookMs(leader)), signal)
    }
  }

  #lookMs(leader: WatchedLeader | undefined): number {
    const { id, sinceMs = 0 } = this.#suspect ?? {}
    if (leader && leader.id === id && this.#clock.now() < sinceMs + SUSPICION_MS) return SUSPICIOUS_LOOK_MS
    return this.#listener.rank() < FIRST_RANKS ? LOOK_MS : SLOW_LOOK_MS
  }

  async #isGone({ id, leaseValue }: WatchedLeader, signal: AbortSignal): Promise<boolean> {
    if ((await this.#leases.isPresent(id)) !== false) return false
    this.#listener.suspected()
    await this.#clock.sleep(CONFIRM_MS, signal)
    if (signal.aborted || (await this.#leases.isPresent(id)) !== false) return false
    return this.#listener.leader()?.leaseValue === leaseValue // or somebody was faster
  }

  async #depose({ id, leaseValue }: WatchedLeader, seenMs: number): Promise<void> {
    // Named, lest two instances each take the other for the better one, and both wait.
    const heir = this.#listener.heir()
    if (!(await this.#leases.depose(leaseValue, heir))) return
    remember(this.#deposed, id, MAX_DEPOSED)
    this.#logger.warn(
      { event: 'deposed', leader: id, heir, seenMs: Math.round(this.#clock.now() - seenMs) },
      'the process of the leader is gone; its lease was ended',
    )
    this.#listener.deposed(heir, seenMs)
  }
}

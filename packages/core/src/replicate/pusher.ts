import type { Clock } from '../clock.js'
import type { Logger } from '../observe/logger.js'
import type { JobTransport } from './job-transport.js'

/** Jobs that may be under way to one follower. One more covers all that came meanwhile, so a few are enough. */
const MAX_OUTSTANDING_JOBS = 4
/**
 * Between two jobs to one follower. A job costs Redis what a hundred entries do, and is needed only where what was told of as
 * it was appended got lost.
 */
export const JOB_EVERY_MS = 20
/** After this a job that brought no acknowledgement counts as lost. */
const LOST_JOB_MS = 2000
/** Batches whose spread over the followers is being timed. */
const MAX_TIMED_BATCHES = 256

interface Follower {
  acknowledged: number
  /** Jobs under way, oldest first. */
  outstanding: { to: number; sentMs: number }[]
  /** Where the last one reaches, and when it was sent. */
  pushed: number
  sentMs: number
}

/**
 * The leader's side of replication: tells each follower how far the log reaches, no faster than it can take it, and
 * keeps count of how far each has come.
 */
export class Pusher {
  readonly #transport: JobTransport
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onCopied: (copyMs: number) => void
  readonly #followers = new Map<string, Follower>()
  readonly #batches: { last: number; committedMs: number }[] = []
  #term = 0
  #head = 0
  #cancelTimer: (() => void) | undefined

  constructor(parts: {
    transport: JobTransport
    clock: Clock
    logger: Logger
    onCopied: (copyMs: number) => void
  }) {
    this.#transport = parts.transport
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#onCopied = parts.onCopied
  }

  /** Begins a reign. Every follower gets a first job at once, so that it learns of the new leader. */
  start(term: number, head: number, followers: Iterable<string>): void {
    this.#term = term
    this.#head = head
    for (const id of followers) this.#push(id, this.#follow(id))
  }

  stop(): void {
    this.#term = 0
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#followers.clear()
    this.#batches.length = 0
  }

  /** The log has grown to `head`. */
  committed(head: number): void {
    this.#head = head
    if (this.#followers.size === 0) return
    if (this.#batches.length < MAX_TIMED_BATCHES)
      this.#batches.push({ last: head, committedMs: this.#clock.now() })
    for (const [id, follower] of this.#followers) this.#push(id, follower)
  }

  /** A follower says how far it is; one that was not known is one that has just joined. */
  acknowledged(id: string, index: number): void {
    if (this.#term === 0) return
    const follower = this.#follow(id)
    follower.acknowledged = Math.max(follower.acknowledged, index)
    follower.outstanding = follower.outstanding.filter(({ to }) => to > index)
    this.#timeCopies()
    if (follower.acknowledged < this.#head) this.#push(id, follower)
  }

  /** Stops pushing to whoever is not in `alive`. */
  keep(alive: ReadonlySet<string>): void {
    for (const id of this.#followers.keys()) if (!alive.has(id)) this.#followers.delete(id)
    this.#timeCopies()
  }

  #follow(id: string): Follower {
    let follower = this.#followers.get(id)
    if (!follower)
      this.#followers.set(id, (follower = { acknowledged: 0, outstanding: [], pushed: 0, sentMs: -Infinity }))
    return follower
  }

  #push(id: string, follower: Follower): void {
    const now = this.#clock.now()
    while (follower.outstanding[0] && now - follower.outstanding[0].sentMs > LOST_JOB_MS)
      follower.outstanding.shift()
    if (follower.outstanding.length >= MAX_OUTSTANDING_JOBS) return
    if (follower.pushed === this.#head && follower.outstanding.length > 0) return
    if (now - follower.sentMs < JOB_EVERY_MS) return this.#pushLater(follower.sentMs + JOB_EVERY_MS - now)
    follower.pushed = this.#head
    follower.sentMs = now
    follower.outstanding.push({ to: this.#head, sentMs: now })
    this.#transport.push(id, { term: this.#term, to: this.#head }).catch((error: unknown) => {
      this.#logger.debug(
        { err: error, follower: id },
        'a job could not be pushed; the follower reads at its next heartbeat',
      )
    })
  }

  /** In whole milliseconds: a rest of one may be too small to move a clock at all, and would come round for ever. */
  #pushLater(ms: number): void {
    this.#cancelTimer ??= this.#clock.timer(Math.max(1, Math.ceil(ms)), () => {
      this.#cancelTimer = undefined
      for (const [id, follower] of this.#followers) if (follower.pushed < this.#head) this.#push(id, follower)
    })
  }

  /** T_copy: a batch is copied once the slowest follower has it. */
  #timeCopies(): void {
    const slowest = Math.min(...[...this.#followers.values()].map(({ acknowledged }) => acknowledged))
    while (this.#batches[0] && this.#batches[0].last <= slowest) {
      const batch = this.#batches.shift() as { last: number; committedMs: number }
      if (this.#followers.size > 0) this.#onCopied(this.#clock.now() - batch.committedMs)
    }
  }
}

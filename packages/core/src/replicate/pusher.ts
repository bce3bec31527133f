import type { Clock } from '../clock.js'
import type { Entry } from '../log/entry.js'
import type { Logger } from '../observe/logger.js'
import type { Tracer } from '../observe/tracing.js'
import type { Acknowledgement, JobTransport } from './job-transport.js'
import { PushPace } from './push-pace.js'
import { PushSpans } from './push-spans.js'

/** Batches whose spread over the followers is being timed. */
const MAX_TIMED_BATCHES = 256

/**
 * The leader's side of replication: tells each follower how far the log reaches, no faster than it can take it, and
 * keeps count of how far each has come.
 */
export class Pusher {
  readonly #transport: JobTransport
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onAcknowledgement: (acknowledgement: Acknowledgement) => void
  readonly #onCopied: (copyMs: number) => void
  readonly #spans: PushSpans | undefined
  readonly #followers = new Map<string, PushPace>()
  readonly #batches: { last: number; committedMs: number }[] = []
  #stopListening = () => {}
  #term = 0
  #head = 0
  #timer: { dueMs: number; cancel: () => void } | undefined

  constructor(parts: {
    transport: JobTransport
    clock: Clock
    logger: Logger
    onAcknowledgement: (acknowledgement: Acknowledgement) => void
    onCopied: (copyMs: number) => void
    tracer?: Tracer | undefined
  }) {
    this.#transport = parts.transport
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#onAcknowledgement = parts.onAcknowledgement
    this.#onCopied = parts.onCopied
    this.#spans = parts.tracer && new PushSpans(parts.tracer)
  }

  /**
   * Begins a reign: listens to how far followers are, which nobody else does. Every follower gets a first job at once, so that it
   * learns of the new leader, and says so.
   */
  start(term: number, head: number, followers: Iterable<string>): void {
    this.#stopListening = this.#transport.onAcknowledged(this.#onAcknowledgement)
    this.#term = term
    this.#head = head
    for (const id of followers) this.#pushWhenDue(id, this.#follow(id))
  }

  stop(): void {
    this.#stopListening()
    this.#term = 0
    this.#timer?.cancel()
    this.#timer = undefined
    this.#followers.clear()
    this.#batches.length = 0
    this.#spans?.forget()
  }

  /** Jobs under way that nobody has answered. */
  get outstanding(): number {
    return [...this.#followers.values()].reduce((sum, { outstanding }) => sum + outstanding, 0)
  }

  /** The log has grown to `head`, by these entries. */
  committed(head: number, entries: readonly Entry[] = []): void {
    this.#head = head
    if (this.#followers.size === 0) return
    this.#spans?.committed(entries)
    if (this.#batches.length < MAX_TIMED_BATCHES)
      this.#batches.push({ last: head, committedMs: this.#clock.now() })
    for (const [id, follower] of this.#followers) this.#pushWhenDue(id, follower)
  }

  /** A follower says how far it is; one that was not known is one that has just joined. */
  acknowledged(id: string, index: number): void {
    if (this.#term === 0) return
    const follower = this.#follow(id)
    follower.acknowledge(index, this.#clock.now())
    this.#timeCopies()
    if (follower.acknowledged < this.#head) this.#pushWhenDue(id, follower)
  }

  /** Stops pushing to whoever is not in `alive`. */
  keep(alive: ReadonlySet<string>): void {
    for (const id of this.#followers.keys()) if (!alive.has(id)) this.#followers.delete(id)
    this.#timeCopies()
  }

  #follow(id: string): PushPace {
    const follower = this.#followers.get(id) ?? new PushPace()
    this.#followers.set(id, follower)
    return follower
  }

  #pushWhenDue(id: string, follower: PushPace): void {
    const now = this.#clock.now()
    follower.expect(this.#head, now)
    if (follower.isTold(this.#head)) return
    const { dueMs } = follower
    if (dueMs > now) this.#wakeAt(dueMs)
    else this.#push(id, follower)
  }

  #push(id: string, follower: PushPace): void {
    const before = Math.max(follower.pushed, follower.acknowledged)
    follower.sent(this.#head, this.#clock.now())
    const sent = this.#transport.push(id, { term: this.#term, to: this.#head })
    this.#spans?.pushed(id, before, this.#head, sent)
    sent.catch((error: unknown) => {
      this.#logger.debug(
        { err: error, follower: id },
        'a job could not be pushed; the follower reads at its next heartbeat',
      )
    })
  }

  /** One timer for all. */
  #wakeAt(dueMs: number): void {
    if (this.#timer && this.#timer.dueMs <= dueMs) return
    this.#timer?.cancel()
    // In whole milliseconds: a rest of one may be too small to move a clock at all, and would come round for ever.
    const ms = Math.max(1, Math.ceil(dueMs - this.#clock.now()))
    const cancel = this.#clock.timer(ms, () => {
      this.#timer = undefined
      for (const [id, follower] of this.#followers)
        if (follower.pushed < this.#head || follower.acknowledged < this.#head)
          this.#pushWhenDue(id, follower)
    })
    this.#timer = { dueMs, cancel }
  }

  /** T_copy: a batch is copied once the slowest follower has it. */
  #timeCopies(): void {
    const slowest = Math.min(...[...this.#followers.values()].map(({ acknowledged }) => acknowledged))
    this.#spans?.copied(slowest)
    while (this.#batches[0] && this.#batches[0].last <= slowest) {
      const batch = this.#batches.shift() as { last: number; committedMs: number }
      if (this.#followers.size > 0) this.#onCopied(this.#clock.now() - batch.committedMs)
    }
  }
}

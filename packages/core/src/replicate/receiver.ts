import type { Applier } from '../apply/applier.js'
import type { EvidenceRecord } from '../apply/evidence.js'
import { Bell, type Clock, jitter } from '../clock.js'
import { createDeferred, type Deferred } from '../deferred.js'
import type { AppendedBatch } from '../log/appended.js'
import type { LogStore, OfferedSnapshot, TailListener } from '../log/log-store.js'
import type { Logger } from '../observe/logger.js'
import type { CatchUp } from './catch-up.js'
import type { JobTransport, RangeNotice } from './job-transport.js'
import { SLICE_MS } from './time-slice.js'

const RETRY_MS = 100

/** As long as it applied something this recently that it was told of, what is missing is on its way. */
const TELLING_MS = 10

/** Characters that may wait to be applied as they were told of. Beyond that, a replica which is busy forgets them and reads. */
const MAX_TOLD = 4 * 1024 * 1024

/**
 * The follower's loop: follows what is told of as it is appended, reads the log whenever somebody has a reason to think that
 * there is more, and says how far it got. Jobs, heartbeats, waiting reads and a gap in what was told all ring the same bell;
 * it does not matter which of them get lost.
 */
export class Receiver implements TailListener {
  readonly #log: LogStore
  readonly #catchUp: CatchUp
  readonly #applier: Applier
  readonly #transport: JobTransport
  readonly #id: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #bell = new Bell()
  /** For all who asked since the last read began. */
  #waiting: Deferred<boolean> | undefined
  #paused = false
  /** Batches that wait to be applied as they were told of, oldest first. */
  readonly #told: { readonly batch: AppendedBatch; readonly size: number }[] = []
  #toldSize = 0
  #following = false
  /** When it last applied what it was told of. */
  #toldMs = -Infinity
  #endTail = () => {}
  #acknowledging = false
  #acknowledged: number | undefined

  constructor(parts: {
    log: LogStore
    catchUp: CatchUp
    applier: Applier
    transport: JobTransport
    id: string
    clock: Clock
    logger: Logger
  }) {
    this.#log = parts.log
    this.#catchUp = parts.catchUp
    this.#applier = parts.applier
    this.#transport = parts.transport
    this.#id = parts.id
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  /**
   * Resolves after a read that began after this call: true if the replica reached the head that it found, or is halted;
   * false if the read failed, and at once on a leader or after stop. All who ask before that begins have one promise.
   */
  pull(): Promise<boolean> {
    if (this.#paused) return Promise.resolve(false)
    if (!this.#waiting) {
      this.#waiting = createDeferred<boolean>()
      this.#bell.ring()
    }
    return this.#waiting.promise
  }

  /**
   * Takes a job. Resolves once the replica has what the job names, unless a read could not bring it, or it is being told. Never
   * rejects.
   */
  async noticed({ to }: RangeNotice): Promise<void> {
    if (this.#applier.index < to && !this.#isBeingTold) await this.pull()
    await this.acknowledge()
  }

  /** What a job names is then on its way already: to read it, too, would be to get everything twice under load. */
  get #isBeingTold(): boolean {
    return this.#clock.now() - this.#toldMs < TELLING_MS
  }

  /** A leader's replica is fed by its own appends; it must not read what it is about to apply. */
  pause(): void {
    this.#paused = true
    this.#endTail()
    this.#endTail = () => {}
    this.#release()
  }

  resume(): void {
    this.#paused = false
    this.#endTail()
    this.#endTail = this.#log.tail(this)
    this.#bell.ring()
  }

  /** What was appended before was not told: it is read. */
  begun(): void {
    this.#bell.ring()
  }

  /** A batch is in the log. It is read with the next one if it cannot be applied as it is. */
  appended(batch: AppendedBatch): void {
    if (this.#paused) return
    const size = batch.entries.reduce((sum, entry) => sum + entry.length, 0)
    if (this.#toldSize + size > MAX_TOLD) this.#forgetTold()
    this.#told.push({ batch, size })
    this.#toldSize += size
    if (!this.#following) void this.#followTold()
  }

  /**
   * All that waits, though the oldest of it could be applied: kept, it would wait for ever behind a replica that is just as
   * quick as the writes are, and never be at the head. What is told from now on leaves a gap, so the log is read.
   */
  #forgetTold(): void {
    this.#told.length = 0
    this.#toldSize = 0
  }

  /** What waits behind a snapshot, say, is much at once: everything else gets its turn in between. */
  async #followTold(): Promise<void> {
    this.#following = true
    let sinceMs = this.#clock.now()
    for (let next = this.#told.shift(); next; next = this.#told.shift()) {
      this.#toldSize -= next.size
      const followed = await this.#catchUp.follow(next.batch).catch(() => false)
      if (followed) {
        this.#toldMs = this.#clock.now()
        void this.#acknowledgeNew()
      } else this.#bell.ring()
      if (this.#told.length === 0 || this.#clock.now() - sinceMs < SLICE_MS) continue
      await this.#clock.sleep(0)
      sinceMs = this.#clock.now()
    }
    this.#following = false
  }

  /** Tells the leader how far this replica is, and of a snapshot that it has made, with what it computed up to there. */
  acknowledge(snapshot?: OfferedSnapshot, evidence?: EvidenceRecord): Promise<void> {
    const { term, index } = this.#applier.position
    const made = snapshot && { snapshot, ...(evidence && { evidence }) }
    this.#acknowledged = index
    return this.#transport.acknowledge({ id: this.#id, term, index, ...made })
  }

  /** One at a time: what is applied meanwhile goes with the next. */
  async #acknowledgeNew(): Promise<void> {
    if (this.#acknowledging) return
    this.#acknowledging = true
    while (this.#applier.index !== this.#acknowledged) await this.acknowledge()
    this.#acknowledging = false
  }

  /** Runs until `signal` aborts. `everyMs`: reads at least that often, so that progress never depends on a job. */
  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    this.resume()
    while (!signal.aborted) {
      await this.#bell.wait(this.#clock, everyMs, signal)
      if (this.#paused || signal.aborted) continue
      const served = this.#waiting
      this.#waiting = undefined
      let reached = false
      try {
        // To go on reading while more is told would never end under load: a page is no more than comes in meanwhile.
        await this.#catchUp.toHead(signal, () => this.#following)
        reached = !signal.aborted
        // Also when there was nothing to read for the first time: the leader learns that it has a follower.
        void this.#acknowledgeNew()
      } catch (error) {
        this.#logger.debug({ err: error }, 'reading the log failed')
        await this.#clock.sleep(jitter(this.#clock, RETRY_MS), signal)
        this.#bell.ring()
      } finally {
        served?.resolve(reached)
      }
    }
    this.pause()
  }

  #release(): void {
    this.#waiting?.resolve(false)
    this.#waiting = undefined
  }
}

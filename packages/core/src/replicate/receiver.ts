import type { Applier } from '../apply/applier.js'
import type { EvidenceRecord } from '../apply/evidence.js'
import { Bell, type Clock, jitter } from '../clock.js'
import { createDeferred, type Deferred } from '../deferred.js'
import type { OfferedSnapshot } from '../log/log-store.js'
import type { Logger } from '../observe/logger.js'
import type { CatchUp } from './catch-up.js'
import type { JobTransport, RangeNotice } from './job-transport.js'

const RETRY_MS = 100

/**
 * The follower's loop: reads the log whenever somebody has a reason to think that there is more, and says how far it
 * got. Jobs, heartbeats and waiting reads all ring the same bell; it does not matter which of them get lost.
 */
export class Receiver {
  readonly #catchUp: CatchUp
  readonly #applier: Applier
  readonly #transport: JobTransport
  readonly #id: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #bell = new Bell()
  #waiting: Deferred<boolean>[] = []
  #paused = false

  constructor(parts: {
    catchUp: CatchUp
    applier: Applier
    transport: JobTransport
    id: string
    clock: Clock
    logger: Logger
  }) {
    this.#catchUp = parts.catchUp
    this.#applier = parts.applier
    this.#transport = parts.transport
    this.#id = parts.id
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  /**
   * Resolves after a read that began after this call: true if the replica reached the head that it found, or is halted;
   * false if the read failed, and at once on a leader or after stop.
   */
  pull(): Promise<boolean> {
    if (this.#paused) return Promise.resolve(false)
    const waiting = createDeferred<boolean>()
    this.#waiting.push(waiting)
    this.#bell.ring()
    return waiting.promise
  }

  /** Takes a job. Resolves once the replica has what the job names, or a read could not bring it. Never rejects. */
  async noticed({ to }: RangeNotice): Promise<void> {
    if (this.#applier.index < to) await this.pull()
    this.acknowledge()
  }

  /** A leader's replica is fed by its own appends; it must not read what it is about to apply. */
  pause(): void {
    this.#paused = true
    this.#release()
  }

  resume(): void {
    this.#paused = false
    this.#bell.ring()
  }

  /** Tells the leader how far this replica is, and of a snapshot that it has made, with what it computed up to there. */
  acknowledge(snapshot?: OfferedSnapshot, evidence?: EvidenceRecord): void {
    const { term, index } = this.#applier.position
    const made = snapshot && { snapshot, ...(evidence && { evidence }) }
    this.#transport.acknowledge({ id: this.#id, term, index, ...made })
  }

  /** Runs until `signal` aborts. `everyMs`: reads at least that often, so that progress never depends on a job. */
  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    let acknowledged: number | undefined
    while (!signal.aborted) {
      await this.#bell.wait(this.#clock, everyMs, signal)
      if (this.#paused || signal.aborted) continue
      const served = this.#waiting
      this.#waiting = []
      let reached = false
      try {
        await this.#catchUp.toHead(signal)
        reached = !signal.aborted
        // Also when there was nothing to read for the first time: the leader learns that it has a follower.
        if (this.#applier.index !== acknowledged) this.acknowledge()
        acknowledged = this.#applier.index
      } catch (error) {
        this.#logger.debug({ err: error }, 'reading the log failed')
        await this.#clock.sleep(jitter(this.#clock, RETRY_MS), signal)
        this.#bell.ring()
      } finally {
        for (const { resolve } of served) resolve(reached)
      }
    }
    this.#paused = true
    this.#release()
  }

  #release(): void {
    for (const { resolve } of this.#waiting) resolve(false)
    this.#waiting = []
  }
}

import { type Clock, withDeadline } from '../clock.js'
import { LaggingError, LineageLostError } from '../errors.js'
import type { TermTable } from '../log/history.js'
import type { Position } from '../position.js'

/** How soon a look at the log that failed is tried again. */
const RETRY_MS = 25

/** The replica that is read, and the log behind it. */
export interface ReadableReplica {
  readonly position: Position
  /** Terms of the entries that it has applied. */
  readonly table: TermTable
  /** False while nothing can be said of what it shows. */
  readonly isFollowing: boolean
  /** @throws LeaseholdError while the replica does not follow the log, so that nothing can be said of what it shows. */
  assertFollowing(): void
  /**
   * Brings the replica to the head that the log has after this call, together with all who asked meanwhile. False if it
   * could not.
   */
  refresh(): Promise<boolean>
}

/**
 * Waits until a replica may answer a read. Nothing here looks at a clock to judge how fresh a replica is, only to stop
 * waiting: what counts is what the log says after the read arrived (G8, G9).
 */
export class ConsistentReads {
  readonly #replica: ReadableReplica
  readonly #clock: Clock

  constructor(replica: ReadableReplica, clock: Clock) {
    this.#replica = replica
    this.#clock = clock
  }

  /**
   * Waits until the replica has applied `position` (G8). A position that the log does not have, because it was lost or
   * never was, is refused as soon as the log was asked, and not waited for.
   *
   * @throws LineageLostError if the log does not have it.
   * @throws LaggingError if the log could not be read within `withinMs`.
   */
  async session(position: Position, withinMs: number): Promise<void> {
    this.#replica.assertFollowing()
    if (this.has(position)) return
    await this.#refresh(withinMs)
    // A genuine position was in the log before it was given out, so the head that was reached just now includes it.
    if (!this.has(position)) throw new LineageLostError(position)
  }

  /**
   * Waits until the replica has applied everything that was in the log when this was called (G9): the read index of Raft
   * (Ongaro's thesis, §6.4), with the log's own head in place of the leader's and no lease in place of a look.
   *
   * @throws LaggingError if the log could not be read within `withinMs`.
   */
  async linearizable(withinMs: number): Promise<void> {
    this.#replica.assertFollowing()
    await this.#refresh(withinMs)
  }

  /** Whether `session` has nothing to wait for: what is read now shows the position. */
  isReadableAt(position: Position): boolean {
    return this.#replica.isFollowing && this.has(position)
  }

  /** Whether the position is in the history of what the replica has applied. */
  has({ logId, term, index }: Position): boolean {
    const { position, table } = this.#replica
    if (logId !== position.logId || index > position.index) return false
    return index === 0 || table.ownerOf(index)?.term === term
  }

  async #refresh(withinMs: number): Promise<void> {
    const untilMs = this.#clock.now() + withinMs
    const late = () => new LaggingError(withinMs)
    for (;;) {
      const leftMs = untilMs - this.#clock.now()
      if (leftMs <= 0) throw late()
      const refreshed = await withDeadline(this.#clock, this.#replica.refresh(), leftMs, late)
      this.#replica.assertFollowing()
      if (refreshed) return
      await this.#clock.sleep(Math.min(RETRY_MS, leftMs))
    }
  }
}

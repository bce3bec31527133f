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
   * Brings the replica to the head that the log has after this call. False if it could not. All who ask before the log is
   * looked at have one promise.
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
  #last: Look | undefined

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
  linearizable(withinMs: number): Promise<void> {
    return this.#refresh(withinMs)
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
    this.#replica.assertFollowing()
    const untilMs = this.#clock.now() + withinMs
    for (;;) {
      const refreshed = await this.#look(untilMs)
      this.#replica.assertFollowing()
      if (refreshed) return
      const leftMs = untilMs - this.#clock.now()
      if (leftMs <= 0) throw new LaggingError(withinMs)
      if (refreshed === false) await this.#clock.sleep(Math.min(RETRY_MS, leftMs))
    }
  }

  /**
   * Whether a look that began after this call refreshed the replica; undefined if it took until `untilMs`, or until whoever
   * asked for it before could not wait any more. Who share a look share a timer: one each would cost more than all else.
   */
  #look(untilMs: number): Promise<boolean | undefined> {
    const refreshed = this.#replica.refresh()
    if (this.#last?.refreshed === refreshed && this.#last.untilMs <= untilMs) return this.#last.answer
    const leftMs = Math.max(0, untilMs - this.#clock.now())
    const answer = withDeadline(this.#clock, refreshed, leftMs, () => new TimeIsUp()).catch((error) => {
      if (!(error instanceof TimeIsUp)) throw error
      if (this.#last?.answer === answer) this.#last = undefined // who can wait longer has a timer of its own
      return undefined
    })
    this.#last = { refreshed, untilMs, answer }
    return answer
  }
}

/** A look at the log on which reads wait. */
interface Look {
  readonly refreshed: Promise<boolean>
  readonly untilMs: number
  readonly answer: Promise<boolean | undefined>
}

class TimeIsUp extends Error {}

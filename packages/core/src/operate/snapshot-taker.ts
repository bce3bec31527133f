import type { Clock } from '../clock.js'
import { createDeferred, type Deferred } from '../deferred.js'
import type { CatchUp } from '../replicate/catch-up.js'
import type { TakenSnapshot } from '../replicate/snapshot-maker.js'
import type { Writer } from '../write/writer.js'

/** How long a snapshot that gave way stays away: writes that have waited for a new leader do not wait for that as well. */
const AGAIN_MS = 1000

/**
 * Takes snapshots of the own replica, but not while this instance takes over: one of a large state takes seconds, and all
 * wait for the new leader (G10).
 */
export class SnapshotTaker {
  readonly #catchUp: CatchUp
  readonly #writer: Writer
  readonly #clock: Clock
  #leave = new AbortController()
  #takenOver: Deferred<void> | undefined

  constructor(parts: { catchUp: CatchUp; writer: Writer; clock: Clock }) {
    this.#catchUp = parts.catchUp
    this.#writer = parts.writer
    this.#clock = parts.clock
  }

  /** This instance begins to take over: what is being taken is given up. */
  giveWay(): void {
    this.#takenOver ??= createDeferred()
    this.#leave.abort()
  }

  /** It leads now, or does not any more. */
  resume(): void {
    if (!this.#takenOver) return
    this.#leave = new AbortController()
    this.#takenOver.resolve()
    this.#takenOver = undefined
  }

  /**
   * Takes one, if the replica is fit for it when its turn comes; by default, if it is on the log's history. Undefined if it is
   * not, and if this instance takes over.
   */
  tryTake(isFit = () => this.#isFit): Promise<TakenSnapshot | undefined> {
    const { signal } = this.#leave
    // Nothing may be applied while the state is written down, so a leader's writes wait for that.
    return this.#writer.hold(() => this.#catchUp.takeSnapshot(isFit, signal))
  }

  /** As `tryTake`, but begins anew after a take-over. */
  async take(isFit: () => boolean): Promise<TakenSnapshot | undefined> {
    for (;;) {
      const { signal } = this.#leave
      const taken = await this.tryTake(isFit)
      if (taken || !signal.aborted) return taken
      await this.#takenOver?.promise
      await this.#clock.sleep(AGAIN_MS)
    }
  }

  get #isFit(): boolean {
    return this.#catchUp.onHistory && this.#catchUp.neededIndex > 0
  }
}

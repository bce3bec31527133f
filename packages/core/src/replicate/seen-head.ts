import type { Clock } from '../clock.js'
import type { LogPage } from '../log/log-store.js'

/** The log's head as it was last seen, and for how long the replica has been behind it. */
export class SeenHead {
  readonly #clock: Clock
  #index = 0
  #settled = false
  #atMs = -Infinity
  #behindSinceMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get index(): number {
    return this.#index
  }

  /**
   * True if a leader has written to the log since the server began its present life. Before that it may lack entries that
   * somebody still holds, so its head says nothing of what was acknowledged (G8, G9).
   */
  get settled(): boolean {
    return this.#settled
  }

  /** Milliseconds since the log was last heard of. */
  get silentMs(): number {
    return this.#clock.now() - this.#atMs
  }

  /** For how long the replica has been behind. */
  get behindMs(): number {
    return this.#behindSinceMs === undefined ? 0 : this.#clock.now() - this.#behindSinceMs
  }

  /** A page was read, when the replica had applied so much. */
  read({ head, logId, replIdChanged }: LogPage, applied: number): void {
    this.#settled = logId !== '' && !replIdChanged
    this.saw(head, applied)
  }

  /** The log was heard of, when the replica had applied so much. */
  saw(head: number, applied: number): void {
    this.#index = head
    this.#atMs = this.#clock.now()
    if (applied >= head) this.#behindSinceMs = undefined
    else this.#behindSinceMs ??= this.#atMs
  }
}

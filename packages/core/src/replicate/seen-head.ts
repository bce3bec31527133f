import type { Clock } from '../clock.js'

/** The log's head as it was last seen, and for how long the replica has been behind it. */
export class SeenHead {
  readonly #clock: Clock
  #index = 0
  #atMs = -Infinity
  #behindSinceMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get index(): number {
    return this.#index
  }

  /** Milliseconds since the log was last heard of. */
  get silentMs(): number {
    return this.#clock.now() - this.#atMs
  }

  /** For how long the replica has been behind. */
  get behindMs(): number {
    return this.#behindSinceMs === undefined ? 0 : this.#clock.now() - this.#behindSinceMs
  }

  /** The log was heard of, when the replica had applied so much. */
  saw(head: number, applied: number): void {
    this.#index = head
    this.#atMs = this.#clock.now()
    if (applied >= head) this.#behindSinceMs = undefined
    else this.#behindSinceMs ??= this.#atMs
  }
}

import type { Clock } from '../clock.js'
import type { LogPage } from '../log/log-store.js'
import type { Position } from '../position.js'

/** The log's head as it was last seen, and for how long the replica has been behind it. */
export class SeenHead {
  readonly #clock: Clock
  #index = 0
  #end: Position | undefined
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
   * The same of the last log that was there, while Redis has lost it, too; undefined before one was seen. Whatever arrives
   * from now on is written behind it, in any log that has it.
   */
  get end(): Position | undefined {
    return this.#end
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
  read(page: LogPage, applied: number): void {
    this.#settled = page.logId !== '' && !page.replIdChanged
    this.saw(endOf(page), applied)
  }

  /** A leader has appended up to `end`, in the server's present life; a look may have found more meanwhile. */
  appended(end: Position, applied: number): void {
    this.#settled = true
    if (end.index >= this.#index) this.saw(end, applied)
  }

  /** The log was heard of, when the replica had applied so much. */
  saw(end: Position, applied: number): void {
    this.#index = end.index
    if (end.logId !== '') this.#end = end
    this.#atMs = this.#clock.now()
    if (applied >= end.index) this.#behindSinceMs = undefined
    else this.#behindSinceMs ??= this.#atMs
  }
}

/** Where a log ends, as a look at it or a claim says. */
export function endOf({ logId, head, headTerm }: Pick<LogPage, 'logId' | 'head' | 'headTerm'>): Position {
  return { logId, term: headTerm, index: head }
}

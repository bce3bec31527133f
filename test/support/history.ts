/** What is known of an operation's effect. `'unknown'` may have taken effect, or may still do so. */
export type Outcome = 'ok' | 'failed' | 'unknown'

/** One request of a client, as the client saw it. Times are monotonic milliseconds of one recorder. */
export interface Operation {
  readonly client: number
  readonly kind: 'push' | 'put' | 'get'
  readonly key: string
  /** What was pushed or put, unique in the history; what a get returned. */
  readonly value: unknown
  /** The instance that was asked. */
  readonly url: string
  readonly startMs: number
  readonly endMs: number
  readonly outcome: Outcome
  /** HTTP status; undefined where no reply came. */
  readonly status: number | undefined
  /** The error's code, or why no reply came; undefined on success. */
  readonly reason: string | undefined
  /** Where a push said that its item stands, from 1. */
  readonly position?: number
  /** Index of a write's entry, or the index at which a get was answered. */
  readonly index?: number
  readonly term?: number
}

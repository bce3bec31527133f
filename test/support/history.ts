/** What is known of an operation's effect. `'unknown'` may have taken effect, or may still do so. */
export type Outcome = 'ok' | 'failed' | 'unknown'

/** One request of a client, as the client saw it. Times are monotonic milliseconds of one recorder. */
export interface Operation {
  readonly client: number
  /** Lists are pushed to and listed; registers, which have keys of their own, are put, compared and set, and got. */
  readonly kind: 'push' | 'list' | 'put' | 'cas' | 'get'
  readonly key: string
  /** What a write wrote, unique in the history; what a get returned; the last item of a list that was read. */
  readonly value: unknown
  /** What a cas expected to be there; null for nothing. */
  readonly expect?: unknown
  /** What a cas found instead. Its comparison failed, and it said so: that is an answer, its outcome is `'ok'`. */
  readonly present?: unknown
  /** What a read asked for; writes have none. */
  readonly consistency?: 'session' | 'linearizable'
  /** The instance that was asked. */
  readonly url: string
  /** The id of the one that answered, which may be the leader; undefined where nobody did. */
  readonly servedBy?: string
  readonly startMs: number
  readonly endMs: number
  readonly outcome: Outcome
  /** HTTP status; undefined where no reply came. */
  readonly status: number | undefined
  /** The error's code, or why no reply came; undefined on success. */
  readonly reason: string | undefined
  /** Where a push said that its item stands, from 1; how many items a list had that was read. */
  readonly position?: number
  /** Index of a write's entry, or the index at which a read was answered. */
  readonly index?: number
  readonly term?: number
}

/** Whether an operation changes nothing, whatever became of it. */
export function isRead({ kind }: Pick<Operation, 'kind'>): boolean {
  return kind === 'get' || kind === 'list'
}

/** Whether an operation is known to have written: a cas whose comparison failed has not. */
export function hasWritten({ kind, outcome, present }: Operation): boolean {
  return outcome === 'ok' && !isRead({ kind }) && present === undefined
}

/** An operation as problems name it: `client 3's get of k1 that found "a" (12.0–15.3 ms)`. */
export function inWords(operation: Operation): string {
  const { client, key, value, expect, present, position, startMs, endMs, outcome } = operation
  const found = present === undefined ? '' : ` that found ${json(present)}`
  const what = {
    push: () => `push of ${json(value)} to ${key}`,
    list: () => `list of ${key} that had ${position} items up to ${json(value)}`,
    put: () => `put of ${json(value)} to ${key}`,
    cas: () => `cas of ${key} from ${json(expect)} to ${json(value)}${found}`,
    get: () => `get of ${key} that found ${json(value)}`,
  }[operation.kind]()
  const end = outcome === 'unknown' ? 'unknown' : endMs.toFixed(1)
  return `client ${client}'s ${what} (${startMs.toFixed(1)}–${end} ms)`
}

/** A value as text; two values are the same if their texts are. What is not there is null. */
export function json(value: unknown): string {
  return JSON.stringify(value ?? null)
}

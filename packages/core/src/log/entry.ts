import type { TraceContext } from '../observe/tracing.js'

/** One write as it stands in the log: what to run, and everything that must be the same on every replica. */
export interface Entry {
  readonly index: number
  /** Term of the leader that appended it. */
  readonly term: number
  /** Log time in ms: the Redis server's clock at the append, never below that of the entry before. */
  readonly timeMs: number
  readonly opId: string
  /** Tells a repeat of the operation from another one under the same id. */
  readonly fingerprint: string
  /**
   * For an operation that may be repeated: the head of the log that an instance had seen when the operation first arrived
   * there, or `WINDOW_ONLY`. Undefined for one that nobody repeats; its result is not kept.
   */
  readonly since?: Since | typeof WINDOW_ONLY | undefined
  /** Version of the state machine that wrote it. */
  readonly version: number
  readonly command: string
  /** JSON value, or undefined for a command without an argument. */
  readonly args: unknown
  /**
   * Where the trace of its write goes on, if that is sampled. Nothing else may depend on it: it stands in no fingerprint, no
   * snapshot and no digest, and a reader that does not know it passes over it.
   */
  readonly trace?: TraceContext | undefined
}

/**
 * A head of the log that somebody saw: what arrived later was written behind it, if at all. With its term, since the index
 * alone comes to name another entry when Redis goes back for good (G6; model/leasehold.pml: M_SINCE).
 */
export interface Since {
  /** Term of the entry at `index`; 0 before the first one, undefined in an entry that was written before terms were kept here. */
  readonly term: number | undefined
  readonly index: number
}

/** Stands in `since` for an operation whose first arrival nobody knows: a client may repeat it as late as it likes. */
export const WINDOW_ONLY = -1

/** The part of an entry that its writer chooses; index, term and time come from the append script. */
export type EntryDraft = Pick<
  Entry,
  'opId' | 'fingerprint' | 'since' | 'version' | 'command' | 'args' | 'trace'
>

/**
 * An entry's payload in the log. An object with named fields, so that later formats can add some and people can read
 * it with `XRANGE`. `since`, `args` and what is of the trace are left out when undefined.
 */
export function encodeEntry({ opId, fingerprint, since, version, command, args, trace }: EntryDraft): string {
  const [s, t] = typeof since === 'object' ? [since.index, since.term] : [since]
  const entry = { o: opId, f: fingerprint, s, t, v: version, c: command, a: args }
  if (trace === undefined) return JSON.stringify(entry)
  return JSON.stringify({ ...entry, p: trace.traceparent, q: trace.tracestate })
}

/**
 * An entry of the library's own, which does not reach the state machine. Without `bounds` it changes nothing: a leader
 * that has nothing to write appends it where its log and a replica's must be told apart (G7). With them it says how many
 * results every replica keeps from here on.
 */
export function markerEntry(opId: string, bounds?: WindowBounds): EntryDraft {
  return { opId, fingerprint: '', since: undefined, version: 0, command: '', args: bounds }
}

/** How many results of operations are kept, so that a repeat gets the first one. Whatever is older or more is dropped. */
export interface WindowBounds {
  readonly results: number
  /** Of all results together, as JSON. */
  readonly bytes: number
  /** By log time. */
  readonly ageMs: number
}

export function isMarker(entry: Entry): boolean {
  return entry.command === ''
}

interface EncodedEntry {
  readonly o: string
  readonly f: string
  readonly s?: number
  readonly t?: number
  readonly v: number
  readonly c: string
  readonly a?: unknown
  readonly p?: string
  readonly q?: string
}

/** What `encodeEntry` wrote, with the place that the append gave it. */
export function decodeEntry(index: number, term: number, timeMs: number, data: string): Entry {
  const { o, f, s, t, v, c, a, p, q } = JSON.parse(data) as EncodedEntry
  const since = s === undefined || s === WINDOW_ONLY ? s : { term: t, index: s }
  const trace = p === undefined ? undefined : { traceparent: p, tracestate: q }
  return { index, term, timeMs, opId: o, fingerprint: f, since, version: v, command: c, args: a, trace }
}

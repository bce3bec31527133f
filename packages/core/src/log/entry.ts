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
  /** Version of the state machine that wrote it. */
  readonly version: number
  readonly command: string
  /** JSON value, or undefined for a command without an argument. */
  readonly args: unknown
}

/** The part of an entry that its writer chooses; index, term and time come from the append script. */
export type EntryDraft = Pick<Entry, 'opId' | 'fingerprint' | 'version' | 'command' | 'args'>

/**
 * An entry's payload in the log. An object with named fields, so that later formats can add some and people can read
 * it with `XRANGE`. `args` is left out when undefined.
 */
export function encodeEntry({ opId, fingerprint, version, command, args }: EntryDraft): string {
  return JSON.stringify({ o: opId, f: fingerprint, v: version, c: command, a: args })
}

/**
 * An entry that changes nothing. A leader that has nothing to write appends one where its log and a replica's must be
 * told apart (G7).
 */
export function markerEntry(opId: string): EntryDraft {
  return { opId, fingerprint: '', version: 0, command: '', args: undefined }
}

export function isMarker(entry: Entry): boolean {
  return entry.command === ''
}

/** What `encodeEntry` wrote, with the place that the append gave it. */
export function decodeEntry(index: number, term: number, timeMs: number, data: string): Entry {
  const { o, f, v, c, a } = JSON.parse(data) as { o: string; f: string; v: number; c: string; a?: unknown }
  return { index, term, timeMs, opId: o, fingerprint: f, version: v, command: c, args: a }
}

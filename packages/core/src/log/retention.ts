/** How much of the log stays, and when a snapshot is taken. */
export interface RetentionOptions {
  /** Entries after which a snapshot is taken. */
  readonly snapshotEntries: number
  /** Bytes of entries after which a snapshot is taken. */
  readonly snapshotBytes: number
  /** Entries that stay behind the head, so that a replica which was away for a moment needs no snapshot. */
  readonly trailingEntries: number
  /** The same in bytes: whichever is less. */
  readonly trailingBytes: number
}

/** A replica that lags further than this many times the trailing entries does not hold up trimming any more. */
const LAG_CAP = 8

/** A replica that the log may have to be kept for. */
export interface Replica {
  readonly index: number
  /**
   * True from when it began to load a snapshot until it was at the head again. If the log behind that snapshot were gone
   * by then, it would have to load the next one, and under a steady load it might never come to an end.
   */
  readonly loading: boolean
}

/** What the log looks like to whoever decides. */
export interface LogExtent {
  readonly first: number
  readonly head: number
  /** Index of the snapshot, and of the one before it; 0 for none. */
  readonly snapshotIndex: number
  readonly snapshotBeforeIndex: number
  /** Mean size of an entry, in bytes; 0 if unknown. */
  readonly entryBytes: number
}

export function isSnapshotDue(extent: LogExtent, options: RetentionOptions): boolean {
  const entries = extent.head - extent.snapshotIndex
  return entries >= options.snapshotEntries || entries * extent.entryBytes >= options.snapshotBytes
}

/**
 * The index that the log should begin at. Never past the snapshot before the last one: if that is damaged, the one
 * before must still reach the log. Never past what a living replica still needs, unless it lags beyond the cap: it
 * then loads the snapshot like a newcomer. One that loads is waited for as long as the bytes allow, however many entries.
 */
export function firstToKeep(
  extent: LogExtent,
  replicas: readonly Replica[],
  options: RetentionOptions,
): number {
  const { head, entryBytes } = extent
  const fitting = entryBytes > 0 ? Math.floor(options.trailingBytes / entryBytes) : Number.POSITIVE_INFINITY
  const trailing = Math.min(options.trailingEntries, fitting)
  const cap = LAG_CAP * Math.max(trailing, options.snapshotEntries)
  const loadingCap = entryBytes > 0 ? Math.max(cap, LAG_CAP * fitting) : cap
  const waitedFor = replicas.filter(({ index, loading }) => head - index <= (loading ? loadingCap : cap))
  const keep = Math.min(head - trailing, extent.snapshotBeforeIndex, ...waitedFor.map(({ index }) => index))
  return Math.max(extent.first, keep + 1)
}

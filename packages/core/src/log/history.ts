import type { Position } from '../position.js'

/** The reign that owns a stretch of the log: from `first` up to the next row. The nonce makes a term number unique. */
export interface TermRow {
  readonly term: number
  readonly nonce: string
  /** Index of the first entry that the term appended. */
  readonly first: number
}

/**
 * Which term owns which entries: as much of a log's history as is needed to tell whether two prefixes are the same.
 * A row appears when a term first appends; a term without entries has none.
 */
export class TermTable {
  readonly #rows: TermRow[] = []

  constructor(rows: Iterable<TermRow> = []) {
    this.#rows = [...rows].sort((a, b) => a.first - b.first)
  }

  get rows(): readonly TermRow[] {
    return this.#rows
  }

  /** The row that owns `index`; undefined below the first one. */
  ownerOf(index: number): TermRow | undefined {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#rows[middle] as TermRow).first <= index) low = middle + 1
      else high = middle
    }
    return this.#rows[low - 1]
  }

  /** Index of the last entry of a term, Infinity for the one that goes on; 0 if it has none. */
  lastOf(term: number): number {
    const at = this.#rows.findLastIndex((row) => row.term === term)
    if (at < 0) return 0
    const next = this.#rows[at + 1]
    return next ? next.first - 1 : Infinity
  }

  /** Adds the row of a term that begins behind all others. A row that is already there changes nothing. */
  begin(row: TermRow): void {
    const last = this.#rows.at(-1)
    if (last && last.first >= row.first) {
      if (last.term === row.term && last.nonce === row.nonce) return
      throw new RangeError(
        `Term ${row.term} cannot begin at ${row.first}, behind term ${last.term} at ${last.first}`,
      )
    }
    this.#rows.push(row)
  }
}

/** What a log says of itself at the moment it is read. `logId` is empty where there is no log. */
export interface LogHead {
  readonly logId: string
  readonly head: number
}

/** How a replica stands to a log (G5, G7). */
export type Standing =
  /** Its position is in the log's history: it may go on. */
  | { readonly kind: 'on' }
  /** The log has lost entries that the replica has, or the whole log is gone. It holds still: a recovery may want them. */
  | { readonly kind: 'ahead' }
  /** The log has other entries where the replica has its own; they agree up to `agreedIndex`. It must rebuild. */
  | { readonly kind: 'off'; readonly agreedIndex: number }

/**
 * Compares a replica with a log. Terms are unique, so two histories that agree on the owner of an index agree on
 * everything up to it (the Log Matching property of Raft, Ongaro and Ousterhout 2014; model/leasehold.pml: M_TABLE, M_TERMONLY).
 */
export function compareHistory(
  replica: { readonly position: Position; readonly table: TermTable },
  log: LogHead & { readonly table: TermTable },
): Standing {
  const { position, table } = replica
  if (position.index === 0) return { kind: 'on' }
  if (log.logId === '') return { kind: 'ahead' }
  if (log.logId !== position.logId) return { kind: 'off', agreedIndex: 0 }

  const shared = Math.min(position.index, log.head)
  const agreed = agreedIndex(table, log.table, shared)
  if (agreed < shared) return { kind: 'off', agreedIndex: agreed }
  return position.index > log.head ? { kind: 'ahead' } : { kind: 'on' }
}

/** The last index up to `limit` that both tables give to the same reign. */
function agreedIndex(a: TermTable, b: TermTable, limit: number): number {
  let index = limit
  while (index > 0) {
    const ownerA = a.ownerOf(index)
    const ownerB = b.ownerOf(index)
    if (
      ownerA &&
      ownerB &&
      ownerA.term === ownerB.term &&
      ownerA.nonce === ownerB.nonce &&
      ownerA.first === ownerB.first
    ) {
      return index
    }
    index = Math.max(ownerA?.first ?? 0, ownerB?.first ?? 0) - 1
  }
  return 0
}

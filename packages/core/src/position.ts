/**
 * A point in a log: everything up to and including `index`. `(term, index)` names a prefix of the log as in Raft
 * (Ongaro and Ousterhout 2014, "Log Matching"); `logId` tells one log from another.
 */
export interface Position {
  readonly logId: string
  /** Term of the entry at `index`; 0 before the first entry. */
  readonly term: number
  readonly index: number
}

/** `<logId>.<term>.<index>`, as it stands in the `Leasehold-Position` header. */
export function formatPosition({ logId, term, index }: Position): string {
  return `${logId}.${term}.${index}`
}

/** Reads what `formatPosition` wrote; undefined for anything else. */
export function parsePosition(text: string): Position | undefined {
  const match = /^([A-Za-z0-9_-]{1,64})\.(\d{1,15})\.(\d{1,15})$/.exec(text)
  if (!match) return undefined
  const [, logId = '', term, index] = match
  return { logId, term: Number(term), index: Number(index) }
}

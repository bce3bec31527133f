import { decodeEntry, type Entry } from './entry.js'
import type { LogStamp } from './log-store.js'
import type { Position } from '../position.js'

/**
 * A batch as the append script tells of it, in the moment in which it is in the log. It carries the stamp of the claim that
 * it was appended under: whoever has compared its replica with that claim may apply it without another look (G5, G7).
 */
export interface AppendedBatch extends Omit<LogStamp, 'seed'> {
  readonly term: number
  readonly first: number
  readonly timeMs: number
  /** Encoded, oldest first: whoever has them already need not decode them. */
  readonly entries: readonly string[]
}

/** Encoded entries as one text, an entry on each line: JSON has no line ends of its own. */
export function joinEntries(entries: readonly string[]): string {
  return entries.join('\n')
}

/** A line of numbers and names, then the entries. */
export function encodeAppended(batch: AppendedBatch): string {
  const { logId, nonce, replId, term, first, timeMs, entries } = batch
  return `${[logId, nonce, replId, term, first, timeMs].join(' ')}\n${joinEntries(entries)}`
}

/** Undefined for what no leader of ours has sent: anybody may publish. */
export function decodeAppended(text: string): AppendedBatch | undefined {
  const [head = '', ...entries] = text.split('\n')
  const [logId = '', nonce = '', replId = '', ...numbers] = head.split(' ')
  const [term = Number.NaN, first = Number.NaN, timeMs = Number.NaN] = numbers.map(Number)
  if (![term, first, timeMs].every(Number.isSafeInteger) || entries.length === 0) return undefined
  return { logId, nonce, replId, term, first, timeMs, entries }
}

/** Whether a batch was appended in the present of the log that is known. */
export function isOf({ logId, nonce, replId }: AppendedBatch, known: LogStamp | undefined): boolean {
  return known?.nonce === nonce && known.logId === logId && known.replId === replId
}

/** Where the log ends with it. */
export function endOfBatch({ logId, term, first, entries }: AppendedBatch): Position {
  return { logId, term, index: first + entries.length - 1 }
}

/** The entries behind `after`. */
export function entriesBehind({ term, first, timeMs, entries }: AppendedBatch, after: number): Entry[] {
  const skipped = Math.max(0, after + 1 - first)
  return entries.slice(skipped).map((data, i) => decodeEntry(first + skipped + i, term, timeMs, data))
}

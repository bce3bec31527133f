import type { AppendOutcome } from '../log/log-store.js'
import type { PendingWrite } from './pending-writes.js'

/** What became of a batch that was sent to the log. */
export interface SentBatch {
  /** `lost`: no reply came. `mismatch`: the log did not take the batch before it, so this one goes again. */
  readonly outcome: AppendOutcome['kind'] | 'lost'
  readonly entries: number
  readonly bytes: number
  /** From sending it until that was known. */
  readonly ms: number
  /** From the first of its writes until then. */
  readonly longestMs: number
}

/** A batch that was sent at `sentMs`, as it stands at `nowMs`. */
export function sentBatch(
  outcome: SentBatch['outcome'],
  batch: readonly PendingWrite[],
  sentMs: number,
  nowMs: number,
): SentBatch {
  const [first] = batch
  const bytes = batch.reduce((sum, write) => sum + write.bytes, 0)
  const longestMs = nowMs - (first?.submittedMs ?? sentMs)
  return { outcome, entries: batch.length, bytes, ms: nowMs - sentMs, longestMs }
}

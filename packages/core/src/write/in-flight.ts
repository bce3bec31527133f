import type { TermTable } from '../log/history.js'
import type { LogStamp } from '../log/log-store.js'
import type { PendingWrite } from './pending-writes.js'

/** An append whose reply was lost: what was sent, where it would stand, and under which claim. */
export interface LostAppend {
  readonly writes: readonly PendingWrite[]
  /** Index that its first entry has, if it is in the log. */
  readonly first: number
  readonly term: number
  readonly stamp: LogStamp
}

/** What can be said of a lost append. */
export type Fate =
  /** Its claim is still the last one: bytes left in a closed socket may still run. Nothing can be said. */
  | 'open'
  /** It is in the log, and will be applied from there. */
  | 'in'
  /** It is not in the log and never will be: it may be sent again under another term. */
  | 'out'
  /** It is not in the log, but the log has lost entries or was replaced since: it may have been, and may come back. */
  | 'unknown'

/**
 * What became of an append whose reply was lost (G3). It is decided only once another claim is stored or Redis is in
 * another life, since until then the append may still run (measured: 40 of 40 appends of 1 MiB ran after a tail read on
 * another connection; model/leasehold.pml: M_EARLY). Then the term table tells: only this leader could append under its term
 * and nonce, and it never sent two batches for one index, so whoever owns the index owns the batch.
 */
export function fateOf(
  append: LostAppend,
  present: LogStamp & { readonly head: number; readonly table: TermTable },
): Fate {
  const sameClaim = present.nonce === append.stamp.nonce && present.replId === append.stamp.replId
  const owner = present.head >= append.first ? present.table.ownerOf(append.first) : undefined
  const isIn =
    present.logId === append.stamp.logId && owner?.term === append.term && owner.nonce === append.stamp.nonce
  if (isIn) return 'in'
  if (sameClaim && present.logId === append.stamp.logId) return 'open'
  // "Not in the log" is an answer only where nothing can have taken it out again (model/leasehold.pml: M_NOTFOUND, M_SEED).
  const keptAll =
    present.logId === append.stamp.logId &&
    present.replId === append.stamp.replId &&
    present.seed === append.stamp.seed
  return keptAll ? 'out' : 'unknown'
}

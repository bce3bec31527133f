import { randomBytes } from 'node:crypto'
import type { Applier } from '../apply/applier.js'
import type { Claim, TermConnection } from '../log/log-store.js'
import type { CatchUp } from '../replicate/catch-up.js'

/** What a take-over works on. */
export interface Successor {
  readonly applier: Applier
  readonly catchUp: CatchUp
  /** False for an instance that only elects: it needs no log. */
  readonly replicates: boolean
  warn(code: string, message: string): void
}

/**
 * With the claim in hand, brings the replica to exactly the head that the claim found, on the log's history (G5): only
 * from there may an instance serve. Where there is no log, and this replica is empty, it creates one.
 *
 * @returns the claim to serve; undefined if this instance cannot.
 */
export async function takeOver(
  successor: Successor,
  claim: Claim,
  connection: TermConnection,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const { applier, catchUp, replicates } = successor
  let served = claim
  if (replicates && claim.logId === '' && applier.index === 0) {
    const logId = await connection.createLog(randomBytes(9).toString('base64url'))
    if (logId === undefined) return undefined
    served = { ...claim, logId }
  }
  await catchUp.adopt(served)
  while (catchUp.onHistory && applier.index < served.head && !signal.aborted) {
    const before = applier.index
    await catchUp.toHead(signal)
    if (applier.index === before) break
  }
  if (!catchUp.onHistory) return undefined
  if (applier.index === served.head) return served
  if (!signal.aborted)
    successor.warn(
      'LOG_INCOMPLETE',
      `The log ends at ${served.head} but has nothing behind ${applier.index}; this instance cannot lead.`,
    )
  return undefined
}

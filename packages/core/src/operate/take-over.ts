import { randomBytes } from 'node:crypto'
import type { MemberView } from '../elect/members.js'
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
  /** Waits until the others have said what they have, in view of the claim of `term`. */
  settle(term: number, signal: AbortSignal): Promise<readonly MemberView[]>
}

/**
 * With the claim in hand, brings the replica to exactly the head that the claim found, on the log's history (G5): only
 * from there may an instance serve. Where Redis may have lost something it first hears what the others have (G7). Where
 * there is no log, and nobody has entries, it creates one.
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
  await catchUp.adopt(claim)
  if (replicates && mayHaveLost(claim, applier.index)) {
    const others = await successor.settle(claim.term, signal)
    // It refuses to build on a log that has lost what somebody still holds (protocol.pml: M_SETTLE, M_ADVANCED).
    const keeper = others.find(({ ahead }) => ahead)
    if (keeper) {
      successor.warn(
        'LOG_LOST',
        `The log has lost entries that ${keeper.id} holds up to ${keeper.index}: writes stop until the log is restored, or every instance that holds them is restarted.`,
      )
      return undefined
    }
  }
  if (replicates && claim.logId === '' && applier.index === 0) {
    const logId = await connection.createLog(randomBytes(9).toString('base64url'))
    if (logId === undefined) return undefined
    served = { ...claim, logId }
    await catchUp.adopt(served)
  }
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

/** There is no log, the server is in another life than at the last write, or the log is behind this replica. */
function mayHaveLost({ logId, replIdChanged, head }: Claim, applied: number): boolean {
  return logId === '' || replIdChanged || applied > head
}

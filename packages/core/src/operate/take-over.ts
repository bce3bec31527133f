import { randomBytes } from 'node:crypto'
import type { Applier } from '../apply/applier.js'
import type { Claim, TermConnection } from '../log/log-store.js'
import type { CatchUp } from '../replicate/catch-up.js'
import type { Settled } from './settle.js'

/** What a take-over works on. */
export interface Successor {
  readonly applier: Applier
  readonly catchUp: CatchUp
  /** False for an instance that only elects: it needs no log. */
  readonly replicates: boolean
  warn(code: string, message: string): void
  /** Waits until the others have said what they have, in view of the claim of `term`. */
  settle(term: number, signal: AbortSignal): Promise<Settled>
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
  const starts = replicates && claim.logId === '' && applier.index === 0
  let served = claim
  await catchUp.adopt(claim)
  if (replicates && mayHaveLost(claim, applier.index)) {
    const problem = whyNotToBuildOn(await successor.settle(claim.term, signal), starts)
    if (problem !== undefined) {
      if (!signal.aborted) successor.warn('LOG_LOST', problem)
      return undefined
    }
  }
  if (starts) {
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

/**
 * Why a claimant must not write to the log that it found, in view of what others hold; undefined if it may (G7;
 * protocol.pml: M_SETTLE, M_ADVANCED). One that would start a new log also waits for whoever has not said what it has.
 */
function whyNotToBuildOn({ views, silent }: Settled, starts: boolean): string | undefined {
  const keeper = views.find(({ ahead }) => ahead)
  if (keeper)
    return `The log has lost entries that ${keeper.id} holds up to ${keeper.index}: writes stop until the log is restored, or every instance that holds them is restarted.`
  if (starts && silent.length > 0)
    return `There is no log here, and ${silent.join(', ')} ${silent.length === 1 ? 'is' : 'are'} connected to this Redis without saying what they hold: they stand still, or use another database number. No new log is started over what they may hold.`
  return undefined
}

import { randomBytes } from 'node:crypto'
import type { Applier } from '../apply/applier.js'
import { aborted } from '../clock.js'
import type { MemberView } from '../elect/members.js'
import type { WarningCode } from '../events.js'
import type { Claim, TermConnection } from '../log/log-store.js'
import type { CatchUp } from '../replicate/catch-up.js'
import { reSeed, type Seed } from './re-seed.js'
import type { Settled } from './settle.js'

/** What a take-over works on. */
export interface Successor {
  readonly id: string
  readonly applier: Applier
  readonly catchUp: CatchUp
  /** False for an instance that only elects: it needs no log. */
  readonly replicates: boolean
  /** Whether a log that has lost entries is given back what an instance holds. */
  readonly recovers: boolean
  readonly seed: Seed
  warn(code: WarningCode, message: string): void
  /** Waits until the others have said what they have, in view of this claim. */
  settle(claim: Claim, signal: AbortSignal): Promise<Settled>
}

/**
 * With the claim in hand, brings the replica to exactly the head that the claim found, on the log's history (G5): only
 * from there may an instance serve. Where Redis may have lost something it first hears what the others have, and puts back
 * what it holds itself if that is the most (G7). Where there is no log, and nobody has entries, it creates one.
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
  await inTime(catchUp.adopt(claim, signal), signal)
  if (signal.aborted) return undefined
  if (replicates && mayHaveLost(claim, applier.index)) {
    const settled = await successor.settle(claim, signal)
    const problem = whyNotToBuildOn(settled, starts, successor)
    if (problem !== undefined) {
      if (!signal.aborted) successor.warn('LOG_LOST', problem)
      return undefined
    }
    if (catchUp.halted === 'LOG_LOST') {
      const reSeeded = signal.aborted ? undefined : await putBack(successor, claim, connection, signal)
      if (!reSeeded) return undefined
      served = reSeeded
    }
  }
  if (starts) {
    const logId = await connection.createLog(randomBytes(9).toString('base64url'))
    if (logId === undefined) return undefined
    served = { ...claim, logId }
    await catchUp.adopt(served, signal)
  }
  while (catchUp.onHistory && applier.index < served.head && !signal.aborted) {
    const before = applier.index
    await inTime(catchUp.toHead(signal), signal)
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

/** Waits for the replica, but not past the take-over's end: it may be loading a snapshot, which takes as long as it takes. */
async function inTime(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([work, aborted(signal)])
}

/** @returns the claim on the log that has its end back. */
async function putBack(
  successor: Successor,
  { logId, head }: Claim,
  connection: TermConnection,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const claim = await reSeed(successor.seed, connection)
  if (!claim) return undefined
  await successor.catchUp.adopt(claim, signal)
  const from = logId === '' ? 1 : head + 1
  successor.warn(
    'LOG_RE_SEEDED',
    `Redis had lost the entries ${from} to ${claim.head} of the log; this instance held them and has put them back.`,
  )
  return claim
}

/** An instance that holds what the log has lost. */
type Keeper = Pick<MemberView, 'id' | 'applied' | 'eligible'>

/** By what it holds: of two histories the one that ends in the later term, then the longer one. */
function isFurther(a: Keeper, b: Keeper): boolean {
  return a.applied.term === b.applied.term
    ? a.applied.index > b.applied.index
    : a.applied.term > b.applied.term
}

/** There is no log, the server is in another life than at the last write, or the log is behind this replica. */
function mayHaveLost({ logId, replIdChanged, head }: Claim, applied: number): boolean {
  return logId === '' || replIdChanged || applied > head
}

/**
 * Why a claimant must not write to the log that it found, in view of what others hold; undefined if it may (G7;
 * model/leasehold.pml: M_SETTLE, M_ADVANCED). One that would start a new log also waits for whoever has not said what it has.
 */
function whyNotToBuildOn(
  { views, silent }: Settled,
  starts: boolean,
  { id, applier, catchUp, recovers }: Successor,
): string | undefined {
  const self: Keeper = { id, applied: applier.position, eligible: true }
  const others = views.filter((view) => view.ahead && view.id !== id)
  const keepers: Keeper[] = catchUp.halted === 'LOG_LOST' ? [self, ...others] : others
  const [first, ...more] = keepers
  const keeper = more.reduce((a, b) => (a && isFurther(b, a) ? b : a), first)
  if (keeper && !(recovers && keeper === self)) {
    const what = `The log has lost entries that ${keeper.id} holds up to ${keeper.applied.index}`
    return recovers
      ? `${what}: it must lead next, so that it can put them back${keeper.eligible ? '' : ', but it may not lead'}.`
      : `${what}: writes stop until the log is restored, or every instance that holds them is restarted.`
  }
  if (starts && silent.length > 0)
    return `There is no log here, and ${silent.join(', ')} ${silent.length === 1 ? 'is' : 'are'} connected to this Redis without saying what they hold: they stand still, or use another database number. No new log is started over what they may hold.`
  return undefined
}

import type { Clock } from '../clock.js'
import type { MemberStore, MemberView } from '../elect/members.js'
import type { Claim, LogStore } from '../log/log-store.js'
import type { JobTransport } from '../replicate/job-transport.js'

const LOOK_MS = 10

/** What settling looks at. */
export interface SettleParts {
  readonly log: LogStore
  readonly members: MemberStore
  readonly transport: JobTransport
  readonly clock: Clock
  readonly settleMs: number
  /** Id of the claimant. */
  readonly self: string
  /** Instances that were alive when this one last heard of them: they may be on their way back to Redis. */
  readonly known: readonly string[]
  /** True for a claimant without data, which cannot know whom to wait for. */
  readonly empty: boolean
  /** Tells everybody of the claim, so that they look at the log and publish what they have. */
  announce(): void
}

/** What a claimant has heard when it has settled. */
export interface Settled {
  /** What the living have said of themselves; not necessarily in view of this claim, if time ran out. */
  readonly views: readonly MemberView[]
  /**
   * Instances that hold a connection to this Redis and have not answered: they stand still, or use another database of
   * the same server. Whether they hold entries cannot be known.
   */
  readonly silent: readonly string[]
}

/**
 * Waits until every instance that is known or connected has compared its replica with this claim and published what it
 * has, at most `settleMs` (G7). A claimant without data also waits until the server has run that long: instances that it
 * has never heard of may be on their way back.
 */
export async function settle(
  parts: SettleParts,
  { term, nonce }: Pick<Claim, 'term' | 'nonce'>,
  signal: AbortSignal,
): Promise<Settled> {
  const { log, members, transport, clock, settleMs, self, known, empty } = parts
  const startedMs = clock.now()
  const youngForMs = empty ? Math.max(0, settleMs - (await log.serverAgeMs())) : 0
  parts.announce()
  for (;;) {
    const [present, views] = await Promise.all([transport.present(), members.list()])
    const waitedMs = clock.now() - startedMs
    // What one that stops had, goes with it; its connections may outlive its record's change for a moment.
    const stopped = new Set(views.filter(({ role }) => role === 'stopped').map(({ id }) => id))
    const awaited = [...new Set([...present, ...known])].filter((id) => !stopped.has(id))
    // By the nonce: a number as high may be of a term that Redis has lost. An older version does not say the nonce.
    const isAnswer = (view: MemberView) =>
      view.nonce === undefined ? view.term >= term : view.nonce === nonce
    const hasAnswered = (id: string) => views.some((view) => view.id === id && isAnswer(view))
    const answered = awaited.every(hasAnswered)
    if ((answered && waitedMs >= youngForMs) || waitedMs >= settleMs || signal.aborted) {
      return {
        views: views.filter(({ id }) => awaited.includes(id)),
        silent: present.filter((id) => id !== self && awaited.includes(id) && !hasAnswered(id)),
      }
    }
    await clock.sleep(LOOK_MS, signal)
  }
}

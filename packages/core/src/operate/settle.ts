import type { Clock } from '../clock.js'
import type { MemberStore, MemberView } from '../elect/members.js'
import type { LogStore } from '../log/log-store.js'
import type { JobTransport } from '../replicate/job-transport.js'

const LOOK_MS = 10

/** What settling looks at. */
export interface SettleParts {
  readonly log: LogStore
  readonly members: MemberStore
  readonly transport: JobTransport
  readonly clock: Clock
  readonly settleMs: number
  /** Instances that were alive when this one last heard of them: they may be on their way back to Redis. */
  readonly known: readonly string[]
  /** True for a claimant without data, which cannot know whom to wait for. */
  readonly empty: boolean
  /** Tells everybody of the claim, so that they look at the log and publish what they have. */
  announce(): void
}

/**
 * Waits until every instance that is known or connected has compared its replica with the claim of `term` and published
 * what it has, at most `settleMs` (G7). A claimant without data also waits until the server has run that long: instances
 * that it has never heard of may be on their way back. Returns what is known then.
 */
export async function settle(
  parts: SettleParts,
  term: number,
  signal: AbortSignal,
): Promise<readonly MemberView[]> {
  const { log, members, transport, clock, settleMs, known, empty } = parts
  const startedMs = clock.now()
  const youngForMs = empty ? Math.max(0, settleMs - (await log.serverAgeMs())) : 0
  parts.announce()
  for (;;) {
    const [present, views] = await Promise.all([transport.present(), members.list()])
    const waitedMs = clock.now() - startedMs
    // What one that stops had, goes with it; its connections may outlive its record's change for a moment.
    const stopped = new Set(views.filter(({ role }) => role === 'stopped').map(({ id }) => id))
    const awaited = [...new Set([...present, ...known])].filter((id) => !stopped.has(id))
    const answered = awaited.every((id) => views.some((view) => view.id === id && view.term >= term))
    if ((answered && waitedMs >= youngForMs) || waitedMs >= settleMs || signal.aborted) {
      return views.filter(({ id }) => awaited.includes(id))
    }
    await clock.sleep(LOOK_MS, signal)
  }
}

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
  /** Tells everybody of the claim, so that they look at the log and publish what they have. */
  announce(): void
}

/**
 * Waits until every instance that is connected has compared its replica with the claim of `term` and published what it
 * has, at most `settleMs` (G7). On a server so young that instances may still be on their way back to it, waits until it
 * has run that long. Returns what is known then.
 */
export async function settle(
  parts: SettleParts,
  term: number,
  signal: AbortSignal,
): Promise<readonly MemberView[]> {
  const { log, members, transport, clock, settleMs } = parts
  const startedMs = clock.now()
  const youngForMs = Math.min(settleMs, Math.max(0, settleMs - (await log.serverAgeMs())))
  parts.announce()
  for (;;) {
    const [present, views] = await Promise.all([transport.present(), members.list()])
    const waitedMs = clock.now() - startedMs
    const answered = present.every((id) => views.some((view) => view.id === id && view.term >= term))
    if ((answered && waitedMs >= youngForMs) || waitedMs >= settleMs || signal.aborted) {
      return views.filter(({ id }) => present.includes(id))
    }
    await clock.sleep(LOOK_MS, signal)
  }
}

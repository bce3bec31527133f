import { DEFAULTS } from '../options.js'
import type { OperatorParts } from '../redis/operator-parts.js'
import { examineGroup } from './examine-group.js'
import { examineServer } from './examine-server.js'
import { examineTiming, expectedTiming } from './examine-timing.js'
import { type Finding, FINDING_SUBJECTS, skipped } from './finding.js'
import { isThere } from './group-report.js'

/** Options of `Operator.examine`: the times to judge Redis by. Default: those of the instances, or the defaults. */
export interface ExamineOptions {
  readonly leaseTtlMs?: number
  readonly commandTimeoutMs?: number
}

/** Looks at the server and at what the group has there; writes nothing. */
export async function examine(parts: OperatorParts, options: ExamineOptions): Promise<Finding[]> {
  const facts = await parts.probe()
  const group = await groupFacts(parts).catch((error: Error) => error)
  const failed = group instanceof Error
  if (failed && group.name !== 'ReplyError') throw group
  const alive = failed ? [] : group.views.filter((view) => isThere(view, group.present))
  const findings = [
    ...examineServer(facts),
    ...examineTiming(facts, expectedTiming(options, alive, DEFAULTS)),
    ...(failed
      ? [skipped('log', `The keys of the group could not be read: ${group.message}.`)]
      : examineGroup(group)),
  ]
  return findings.toSorted((a, b) => placeOf(a) - placeOf(b))
}

async function groupFacts(parts: OperatorParts) {
  const page = await parts.log.read(0, 0, undefined)
  const ends = await parts.streamEnds(page)
  const [pageAfter, views, present, { paused }, queues] = await Promise.all([
    parts.log.read(0, 0, undefined),
    parts.members.list(),
    parts.present(),
    parts.orders.read(),
    parts.queues(),
  ])
  return { page, ends, pageAfter, views, present, paused, queues }
}

function placeOf({ subject }: Finding): number {
  return FINDING_SUBJECTS.indexOf(subject)
}

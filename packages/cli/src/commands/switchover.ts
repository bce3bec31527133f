import { type GroupReport, LeaseholdError } from '@leasehold/core/operator'
import { durationOf, textOf } from '../arguments.js'
import { nowMs } from '../clock.js'
import { type Command, REDIS_FLAGS } from '../command.js'
import { showDuration } from '../durations.js'
import { EXIT_CODES } from '../exit-codes.js'
import { UsageError } from '../failure.js'
import { withGroup } from '../group.js'
import type { Terminal } from '../terminal.js'
import { refuseUnknown, showStatus } from './status.js'

const SURE = ['yes', 'force'] as const

/** Has another instance lead. */
export const switchover: Command = {
  name: 'switchover',
  summary: 'has another instance lead, without losing a write',
  flags: [
    ...REDIS_FLAGS,
    {
      name: 'to',
      value: 'NAME',
      summary: 'name or id of the instance that is to lead; default the best one',
    },
    { name: 'within', value: 'TIME', summary: 'give up after so long, the leader goes on; default 10s' },
    { name: 'yes', short: 'y', summary: 'do not ask; needed where nobody can be asked' },
    { name: 'force', summary: 'the same as --yes' },
  ],
  run: async ({ terminal, given }) => {
    const [to, timeoutMs] = [textOf(given, 'to'), durationOf(given, 'within')]
    const sure = SURE.some((name) => given[name] === true)
    if (!sure && !terminal.canAsk)
      throw new UsageError('Nobody can be asked here whether you are sure. Say so: --yes.')
    return withGroup(given, async (operator) => {
      const before = await operator.groupStatus()
      refuseUnknown(before, operator)
      if (!before.leader)
        throw new LeaseholdError('NO_LEADER', 'Nobody leads who could hand over.', { retryable: true })
      if (!sure && !(await asked(terminal, before, operator.place, to))) {
        terminal.note('Nothing was done.')
        return EXIT_CODES.failed
      }
      const startedMs = nowMs()
      const leader = await operator.switchover({
        ...(to !== undefined && { to }),
        ...(timeoutMs !== undefined && { timeoutMs }),
      })
      const tookMs = Math.round(nowMs() - startedMs)
      if (terminal.json) terminal.record({ group: operator.group, from: before.leader, leader, tookMs })
      else
        terminal.line(
          `${terminal.style('strong', leader.id)} leads, in term ${leader.term}; it took ${showDuration(tookMs)}.`,
        )
      return EXIT_CODES.ok
    })
  },
}

function asked(
  terminal: Terminal,
  report: GroupReport,
  place: string,
  to: string | undefined,
): Promise<boolean> {
  if (!terminal.json) showStatus(terminal, report, place)
  const heir = to ?? 'the best other instance'
  return terminal.confirm(`Hand leadership of group ${report.name} from ${report.leader?.id} to ${heir}?`)
}

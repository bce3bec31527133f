import { type GroupReport, LeaseholdError, type MemberReport, type Operator } from '@leasehold/core/operator'
import { durationOf } from '../arguments.js'
import { isoNow, sleep } from '../clock.js'
import { type Command, REDIS_FLAGS } from '../command.js'
import { showDuration } from '../durations.js'
import { EXIT_CODES, type ExitCode } from '../exit-codes.js'
import { NoGroupError } from '../failure.js'
import { withGroup } from '../group.js'
import { type Column, table } from '../table.js'
import type { Style, Terminal } from '../terminal.js'

const COLUMNS: readonly Column[] = [
  { title: 'Member' },
  { title: 'Url' },
  { title: 'Role' },
  { title: 'State' },
  { title: 'Term', right: true },
  { title: 'Applied', right: true },
  { title: 'Lag', right: true },
  { title: 'Lag ms', right: true },
  { title: 'Load', right: true },
  { title: 'Version', right: true },
  { title: 'Tags' },
]

const STATE_STYLES: Readonly<Record<MemberReport['state'], Style>> = {
  running: 'good',
  loading: 'doubtful',
  halted: 'bad',
  silent: 'bad',
  stopped: 'quiet',
}

/** The group and its instances. */
export const status: Command = {
  name: 'status',
  summary: 'the group and its instances, as Redis has them now',
  flags: [
    ...REDIS_FLAGS,
    { name: 'watch', short: 'w', value: 'TIME', bare: '2s', summary: 'again every so often; default 2s' },
  ],
  run: async ({ terminal, given }) => {
    const everyMs = durationOf(given, 'watch')
    return withGroup<ExitCode>(given, (operator) =>
      everyMs === undefined ? show(operator, terminal) : watch(operator, terminal, everyMs),
    )
  },
}

async function show(operator: Operator, terminal: Terminal): Promise<ExitCode> {
  const report = await operator.groupStatus()
  refuseUnknown(report, operator)
  showStatus(terminal, report, operator.place)
  return report.leader ? EXIT_CODES.ok : EXIT_CODES.temporary
}

/** Until somebody ends it; a Redis that is away for a while ends nothing. */
async function watch(operator: Operator, terminal: Terminal, everyMs: number): Promise<never> {
  for (;;) {
    const report = await operator.groupStatus().catch((error: unknown) => {
      if (error instanceof LeaseholdError && error.code === 'REDIS_UNREACHABLE') return error
      throw error
    })
    if (!terminal.json) {
      terminal.clear()
      terminal.line(terminal.style('quiet', `${isoNow()}, every ${showDuration(everyMs)}`))
    }
    if (report instanceof LeaseholdError) terminal.note(report.message)
    else showStatus(terminal, report, operator.place)
    if (!terminal.json) terminal.line()
    await sleep(everyMs)
  }
}

/** @throws NoGroupError if nothing of it is in Redis. */
export function refuseUnknown({ name, logId, term, members }: GroupReport, { place }: Operator): void {
  if (logId === '' && term === 0 && members.length === 0)
    throw new NoGroupError(
      `There is no group ${JSON.stringify(name)} on ${place}: no instance has ever joined it.`,
    )
}

/** Prints a report. */
export function showStatus(terminal: Terminal, report: GroupReport, place: string): void {
  if (terminal.json) return terminal.record(statusRecord(report, place))
  const { name, leader, lastLeader, term, head, members, paused, pauseLeftMs } = report
  const leads = leader
    ? `led by ${terminal.style('strong', leader.id)}`
    : terminal.style('bad', `nobody leads${lastLeader ? `; ${lastLeader.id} led last` : ''}`)
  terminal.line(`Group ${terminal.style('strong', name)}: ${leads}, term ${term}, head ${head}`)
  const rows = members.map(rowOf)
  const lines = table(COLUMNS, rows, (cell, column, row) => {
    const member = members[row]
    if (!member || column !== 3) return cell
    return terminal.style(STATE_STYLES[member.state], cell)
  })
  for (const line of lines) terminal.line(line)
  if (paused) {
    const until =
      pauseLeftMs === undefined ? 'until leasehold resume' : `for another ${showDuration(pauseLeftMs)}`
    terminal.line(terminal.style('doubtful', `Paused ${until}: nobody takes over by itself.`))
  }
}

function rowOf(member: MemberReport): string[] {
  const { state, halted, silentMs, lagEntries, lagMs, eligible, priority } = member
  const detail = state === 'halted' ? ` ${halted}` : state === 'silent' ? ` ${showDuration(silentMs)}` : ''
  const tags = [...(eligible ? [] : ['not eligible']), ...(priority === 0 ? [] : [`priority ${priority}`])]
  const unknown = member.state === 'stopped'
  return [
    member.id,
    member.url ?? '',
    member.role,
    `${state}${detail}`,
    unknown ? '' : String(member.term),
    String(member.appliedIndex),
    unknown ? '' : String(lagEntries),
    unknown || lagMs === undefined ? '' : String(Math.round(lagMs)),
    unknown ? '' : member.load.toFixed(2),
    String(member.appVersion),
    unknown ? '' : tags.join(', '),
  ]
}

/** The shape of `--json`; docs/cli.md has it. */
function statusRecord(report: GroupReport, place: string): object {
  const { name, leader, lastLeader, times, members } = report
  return {
    group: name,
    redis: place,
    logId: report.logId,
    leader,
    lastLeader,
    term: report.term,
    head: report.head,
    leaderChanges: report.leaderChanges,
    paused: report.paused,
    pauseLeftMs: report.pauseLeftMs,
    inconsistency: report.inconsistency,
    times,
    members: members.map((member) => ({
      id: member.id,
      name: member.name,
      url: member.url,
      publicUrl: member.publicUrl,
      role: member.role,
      state: member.state,
      halted: member.halted,
      alive: member.alive,
      eligible: member.eligible,
      priority: member.priority,
      term: member.term,
      appliedIndex: member.appliedIndex,
      lagEntries: member.lagEntries,
      lagMs: member.lagMs,
      load: member.load,
      appVersion: member.appVersion,
      silentMs: member.silentMs,
    })),
  }
}

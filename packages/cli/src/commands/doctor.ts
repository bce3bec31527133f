import { type Finding, FINDING_SUBJECTS, type FindingLevel } from '@leasehold/core/operator'
import { durationOf } from '../arguments.js'
import { type Command, REDIS_FLAGS } from '../command.js'
import { EXIT_CODES, type ExitCode } from '../exit-codes.js'
import { withGroup } from '../group.js'
import type { Style, Terminal } from '../terminal.js'

const STYLES: Readonly<Record<FindingLevel, Style>> = {
  ok: 'good',
  skipped: 'quiet',
  warning: 'doubtful',
  error: 'bad',
}
const WIDTH = Math.max(...FINDING_SUBJECTS.map((subject) => subject.length))

/** Looks whether Redis is fit, and the group well. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'looks whether Redis is fit for the group and the group is well; says what to do',
  flags: [
    ...REDIS_FLAGS,
    {
      name: 'ttl',
      value: 'TIME',
      summary: 'judge by this lease.ttlMs; default that of the instances, else 5s',
    },
    {
      name: 'command-timeout',
      value: 'TIME',
      summary: 'and by this commandTimeoutMs; default likewise, else 2s',
    },
  ],
  run: async ({ terminal, given }) => {
    const leaseTtlMs = durationOf(given, 'ttl')
    const commandTimeoutMs = durationOf(given, 'command-timeout')
    return withGroup(given, async (operator) => {
      const findings = await operator.examine({
        ...(leaseTtlMs !== undefined && { leaseTtlMs }),
        ...(commandTimeoutMs !== undefined && { commandTimeoutMs }),
      })
      const worst = worstOf(findings)
      if (terminal.json) terminal.record({ group: operator.group, redis: operator.place, worst, findings })
      else {
        terminal.line(`Group ${operator.group} on ${operator.place}`)
        for (const finding of findings) show(terminal, finding)
        terminal.line(terminal.style(STYLES[worst], summaryOf(findings)))
      }
      return exitOf(worst)
    })
  },
}

function show(terminal: Terminal, { subject, level, found, fix }: Finding): void {
  const label = terminal.style(STYLES[level], level.padEnd(7))
  terminal.line(`${label}  ${subject.padEnd(WIDTH)}  ${found}`)
  if (fix !== undefined) terminal.line(`${' '.repeat(9 + WIDTH + 2)}→ ${fix}`)
}

function worstOf(findings: readonly Finding[]): FindingLevel {
  const has = (level: FindingLevel) => findings.some((finding) => finding.level === level)
  if (has('error')) return 'error'
  return has('warning') ? 'warning' : 'ok'
}

function exitOf(worst: FindingLevel): ExitCode {
  if (worst === 'error') return EXIT_CODES.failed
  return worst === 'warning' ? EXIT_CODES.warned : EXIT_CODES.ok
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (level: FindingLevel) => findings.filter((finding) => finding.level === level).length
  const counted = (level: FindingLevel) => `${count(level)} ${level}${count(level) === 1 ? '' : 's'}`
  const skipped = count('skipped')
  const rest = skipped > 0 ? `, ${skipped} not looked at` : ''
  return `${counted('error')}, ${counted('warning')}, ${count('ok')} fine${rest}`
}

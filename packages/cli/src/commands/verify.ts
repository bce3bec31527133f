import type { ComparedReplica, ReplicaComparison, ReplicaDifference } from '@leasehold/core/operator'
import { type Command, REDIS_FLAGS } from '../command.js'
import { EXIT_CODES, type ExitCode } from '../exit-codes.js'
import { NoGroupError } from '../failure.js'
import { withGroup } from '../group.js'
import { type Column, table } from '../table.js'
import type { Terminal } from '../terminal.js'

const COLUMNS: readonly Column[] = [
  { title: 'Member' },
  { title: 'Applied', right: true },
  { title: 'Compared', right: true },
  { title: 'Up to', right: true },
  { title: 'Asked' },
  { title: 'Result' },
]
const MOST_SHOWN = 10

/** What the comparison comes to: replicas differ; some could not be compared; all that could be were the same. */
type Verdict = 'differ' | 'incomplete' | 'same'

const EXITS: Readonly<Record<Verdict, ExitCode>> = {
  differ: EXIT_CODES.failed,
  incomplete: EXIT_CODES.warned,
  same: EXIT_CODES.ok,
}

/** Compares what replicas computed. */
export const verify: Command = {
  name: 'verify',
  summary: 'compares the digests of what the replicas computed, range by range',
  flags: REDIS_FLAGS,
  run: ({ terminal, given }) =>
    withGroup(given, async (operator) => {
      const comparison = await operator.compareReplicas()
      if (comparison.replicas.length === 0)
        throw new NoGroupError(
          `No instance of group ${operator.group} on ${operator.place} is alive: nothing to compare.`,
        )
      const verdict = verdictOf(comparison)
      if (terminal.json)
        terminal.record({ group: operator.group, redis: operator.place, verdict, ...comparison })
      else show(terminal, comparison, verdict)
      return EXITS[verdict]
    }),
}

function verdictOf({ replicas, differences, named }: ReplicaComparison): Verdict {
  if (differences.length > 0 || named.length > 0) return 'differ'
  return replicas.some(({ incomparable }) => incomparable !== undefined) ? 'incomplete' : 'same'
}

function show(terminal: Terminal, comparison: ReplicaComparison, verdict: Verdict): void {
  const { head, replicas, differences, named } = comparison
  const rows = replicas.map((replica) => rowOf(replica, comparison))
  const lines = table(COLUMNS, rows, (cell, column) =>
    column === COLUMNS.length - 1 && cell.startsWith('differs') ? terminal.style('bad', cell) : cell,
  )
  for (const line of lines) terminal.line(line)
  for (const difference of differences.slice(0, MOST_SHOWN)) terminal.line(sentenceOf(difference))
  if (differences.length > MOST_SHOWN) terminal.line(`… and ${differences.length - MOST_SHOWN} more ranges`)
  for (const { id, from, to } of named)
    terminal.line(`The leader has found that ${id} differs in ${from} to ${to}; it has not started over yet.`)
  const upTo = Math.max(0, ...replicas.map(({ comparedTo }) => comparedTo))
  if (upTo < head)
    terminal.line(`Not compared: entries ${upTo + 1} to ${head}, which no two have spoken of yet.`)
  const what = 'the outcome of every entry there, and results and state in part'
  const verdicts: Record<Verdict, string> = {
    same: terminal.style('good', `No difference found. Compared: ${what}.`),
    incomplete: terminal.style('doubtful', 'No difference found, but not all replicas could be compared.'),
    differ: terminal.style(
      'bad',
      'Replicas differ: a command is not deterministic, or a state was changed past the log.',
    ),
  }
  terminal.line(verdicts[verdict])
}

function rowOf(replica: ComparedReplica, { differences, named }: ReplicaComparison): string[] {
  const { id, appliedIndex, comparedEntries, comparedTo, fresh, incomparable } = replica
  const first = differences.find(({ sides, byMajority }) => {
    const side = sides.findIndex((ids) => ids.includes(id))
    return byMajority ? side > 0 : side >= 0
  })
  const isNamed = named.some((each) => each.id === id)
  const result = first || isNamed ? 'differs' : 'same'
  return [
    id,
    String(appliedIndex),
    String(comparedEntries),
    comparedTo === 0 ? '' : String(comparedTo),
    fresh ? 'now' : 'did not answer',
    result === 'differs' ? `differs${first ? ` from ${first.from} on` : ''}` : (incomparable ?? 'same'),
  ]
}

function sentenceOf({ from, to, kind, sides, byMajority }: ReplicaDifference): string {
  const what = kind === 'history' ? 'have entries of different logs or reigns' : 'computed something else'
  const parts = sides.map((ids) => ids.join(', ')).join(' | ')
  return `Entries ${from} to ${to}: replicas ${what}: ${parts}${byMajority ? ' (the first are more than half)' : ''}`
}

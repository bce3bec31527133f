import type { LeaderChange } from '@leasehold/core/operator'
import { numberOf } from '../arguments.js'
import { isoTime } from '../clock.js'
import { type Command, REDIS_FLAGS } from '../command.js'
import { showDuration } from '../durations.js'
import { EXIT_CODES } from '../exit-codes.js'
import { withGroup } from '../group.js'
import { type Column, table } from '../table.js'

const COLUMNS: readonly Column[] = [
  { title: 'Term', right: true },
  { title: 'Since' },
  { title: 'Leader' },
  { title: 'Reason' },
  { title: 'Recovered in', right: true },
]

/** The last changes of leader. */
export const history: Command = {
  name: 'history',
  summary: 'the last hundred changes of leader, newest first, with reasons',
  flags: [...REDIS_FLAGS, { name: 'limit', value: 'N', summary: 'no more than so many' }],
  run: async ({ terminal, given }) => {
    const limit = numberOf(given, 'limit', 1)
    return withGroup(given, async (operator) => {
      const changes = (await operator.history()).slice(0, limit)
      if (terminal.json) {
        const records = changes.map((change) => ({ ...recordOf(change), at: isoTime(change.atMs) }))
        terminal.record({ group: operator.group, redis: operator.place, changes: records })
      } else for (const line of table(COLUMNS, changes.map(rowOf))) terminal.line(line)
      return EXIT_CODES.ok
    })
  },
}

/** With every field, known or not. */
function recordOf({ term, leader, reason, atMs, recoverMs }: LeaderChange): object {
  return { term, leader, reason, atMs, recoverMs }
}

function rowOf({ term, leader, reason, atMs, recoverMs }: LeaderChange): string[] {
  return [
    String(term),
    isoTime(atMs),
    leader,
    reason ?? '',
    recoverMs === undefined ? '' : showDuration(recoverMs),
  ]
}

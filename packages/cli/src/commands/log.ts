import { type Entry, LeaseholdError, type LogSlice, type Operator } from '@leasehold/core/operator'
import { numberOf } from '../arguments.js'
import { isoTime, sleep } from '../clock.js'
import { type Command, REDIS_FLAGS } from '../command.js'
import { EXIT_CODES, type ExitCode } from '../exit-codes.js'
import { NoGroupError } from '../failure.js'
import { withGroup } from '../group.js'
import { shorten } from '../table.js'
import type { Terminal } from '../terminal.js'

const SHOWN = 20
const PAGE = 1000
const LOOK_MS = 200
/** Arguments on a line, where its length is not bounded by a terminal. */
const ARGS_WIDTH = 120

/** The entries of the log. */
export const log: Command = {
  name: 'log',
  summary: 'entries of the log: the last ones, or those from an index on',
  flags: [
    ...REDIS_FLAGS,
    { name: 'from', value: 'N', summary: 'begin at this index; default: so that the last ones are shown' },
    { name: 'limit', short: 'n', value: 'N', summary: `how many entries; default ${SHOWN}` },
    { name: 'follow', short: 'f', summary: 'go on with what is appended, until you end it' },
    { name: 'full', summary: 'arguments in full, however long' },
  ],
  run: async ({ terminal, given }) => {
    const from = numberOf(given, 'from', 1)
    const limit = numberOf(given, 'limit', 1)
    const how = { from, limit, follows: given['follow'] === true, full: given['full'] === true }
    return withGroup(given, (operator) => print(operator, terminal, how))
  },
}

/** What is to be printed, and how. */
interface How {
  readonly from: number | undefined
  readonly limit: number | undefined
  readonly follows: boolean
  readonly full: boolean
}

async function print(operator: Operator, terminal: Terminal, how: How): Promise<ExitCode> {
  const { from, follows, full } = how
  const limit = how.limit ?? (follows && from !== undefined ? Number.POSITIVE_INFINITY : SHOWN)
  const { head, logId } = await operator.readLog(0, 0)
  if (logId === '') throw new NoGroupError(`Group ${operator.group} on ${operator.place} has no log.`)
  const show = (entry: Entry) => showEntry(terminal, entry, full)
  let after = from === undefined ? Math.max(0, head - limit) : from - 1
  if (after > head) terminal.note(`The log ends at ${head}.`)
  let shown = 0
  for (let seen = head; ; ) {
    const slice = await operator.readLog(after, Math.min(PAGE, limit - shown))
    refuseAnother(logId, seen, slice)
    seen = slice.head
    if (shown === 0 && slice.first > after + 1 && slice.head > 0)
      terminal.note(`The log begins at ${slice.first}; what was before is in its snapshot.`)
    for (const entry of slice.entries) show(entry)
    shown += slice.entries.length
    after = slice.entries.at(-1)?.index ?? after
    if (after < slice.head && slice.entries.length > 0 && shown < limit) continue
    if (!follows) {
      if (after < slice.head && !terminal.json)
        terminal.note(`${slice.head - after} more: --from ${after + 1}`)
      return EXIT_CODES.ok
    }
    return follow(operator, { logId, head: seen }, after, show)
  }
}

/** Until somebody ends it. */
async function follow(
  operator: Operator,
  { logId, head }: Pick<LogSlice, 'logId' | 'head'>,
  from: number,
  show: (entry: Entry) => void,
): Promise<never> {
  for (let after = from, seen = head; ; ) {
    const slice = await operator.readLog(after, PAGE)
    refuseAnother(logId, seen, slice)
    seen = slice.head
    for (const entry of slice.entries) show(entry)
    after = slice.entries.at(-1)?.index ?? after
    if (after >= slice.head) await sleep(LOOK_MS)
  }
}

/** What was there, up to the head `seen`, is not the beginning of what is there now. */
function refuseAnother(logId: string, seen: number, slice: LogSlice): void {
  if (slice.logId === logId && slice.head >= seen) return
  const now = slice.logId === logId ? `ends at ${slice.head}` : 'is another one'
  throw new LeaseholdError(
    'LOG_LOST',
    `The log ${now} now, and has no entry ${seen}: Redis lost it, or there was an import.`,
  )
}

function showEntry(terminal: Terminal, entry: Entry, full: boolean): void {
  const { index, term, timeMs, command, version, opId, args } = entry
  if (terminal.json)
    return terminal.record({ index, term, timeMs, time: isoTime(timeMs), command, args, version, opId })
  const start = `${index}  ${term}  ${isoTime(timeMs)}  ${command === '' ? '(marker)' : command}  `
  const text = args === undefined ? '' : JSON.stringify(args)
  const width = Math.max(16, (terminal.columns ?? start.length + ARGS_WIDTH) - start.length)
  terminal.line(`${start}${full ? text : shorten(text, width)}`.trimEnd())
}

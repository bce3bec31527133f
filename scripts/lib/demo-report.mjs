/** The demo's last words: the verdict as a small table. */
import { LIST_KEYS, VALUE_KEYS } from './demo-load.mjs'
import { bold, dim, green, red } from './step.mjs'

const FINDINGS_SHOWN = 10

const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`
const rounded = (ms) => (ms < 9.95 ? ms.toFixed(1) : `${Math.round(ms)}`)

function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}

const ascending = (numbers) => numbers.toSorted((a, b) => a - b)

function failoverText(failoversMs) {
  if (failoversMs.length === 0) return 'none seen: this run proves nothing'
  const sorted = ascending(failoversMs)
  const each = failoversMs.map((ms) => Math.round(ms)).join(', ')
  const [median, longest] = [quantile(sorted, 0.5), sorted.at(-1)].map((ms) => Math.round(ms))
  return `${failoversMs.length}: ${each} ms (median ${median}, longest ${longest})`
}

function writeTimesText(operations) {
  const timesMs = operations
    .filter(({ kind, outcome }) => kind !== 'get' && outcome === 'acknowledged')
    .map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs)
  if (timesMs.length === 0) return '-'
  const sorted = ascending(timesMs)
  const [median, p99, longest] = [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1)].map(rounded)
  return `median ${median} ms, p99 ${p99} ms, longest ${longest} ms, failovers included`
}

/** Operations that were not acknowledged, by what their client was told. */
function errorsText(operations) {
  const reasons = new Map()
  for (const { outcome, reason } of operations) {
    if (outcome !== 'acknowledged') reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  const total = [...reasons.values()].reduce((sum, count) => sum + count, 0)
  const each = [...reasons].map(([reason, count]) => `${count} × ${reason}`).join(', ')
  return `${total} of ${plural(operations.length, 'request')}${each && `: ${each}`}`
}

function unknownText({ written, absent, untold }) {
  const total = written + absent + untold
  if (total === 0) return 'no write'
  const rest = untold > 0 ? `, ${untold} overwritten since (cannot be told)` : ''
  return `${plural(total, 'write')}: ${written} turned out to be written, ${absent} not${rest}`
}

function measuredText({ requestMs, copyMs, recoverMs, totalMs, inconsistency }) {
  const times = Object.entries({ requestMs, copyMs, recoverMs, totalMs })
  const each = times.map(([name, ms]) => `${name} ${typeof ms === 'number' ? rounded(ms) : '-'}`)
  return `${each.join('  ')}  inconsistency ${typeof inconsistency === 'number' ? inconsistency.toFixed(2) : '-'}`
}

/** The table's rows: [is it good? (undefined: neither), label, text]. */
function rows({ verdict, operations, unreachable, failoversMs, replicas, measured }) {
  const appends = operations.filter((it) => it.kind === 'append' && it.outcome === 'acknowledged').length
  const puts = verdict.acknowledged - appends
  const reads = operations.filter((it) => it.kind === 'get' && it.outcome === 'acknowledged').length
  const good = (count) => count === 0
  const isEqual = good(verdict.unequal)
  return [
    [
      verdict.acknowledged > 0,
      'acknowledged',
      `${plural(verdict.acknowledged, 'write')}: ${appends} items in ${LIST_KEYS.length} lists, ${puts} puts to ${VALUE_KEYS.length} keys`,
    ],
    [good(verdict.lost), 'lost', `${verdict.lost}`],
    [good(verdict.duplicated), 'duplicated', `${verdict.duplicated}`],
    [
      good(verdict.misplaced),
      'out of place',
      `${verdict.misplaced}, against the place that was acknowledged`,
    ],
    [good(verdict.alien), 'uninvited', `${verdict.alien} refused or never sent, yet there`],
    [
      isEqual,
      'replicas',
      isEqual
        ? `${replicas.length} of ${replicas.length} equal, at index ${replicas[0]?.index}`
        : 'not equal',
    ],
    [failoversMs.length > 0, 'failovers', failoverText(failoversMs)],
    [undefined, 'unknown outcome', unknownText(verdict.unknown)],
    [undefined, 'client errors', errorsText(operations)],
    [
      undefined,
      'not counted',
      `${plural(unreachable, 'connection')} refused by a dead instance: a load balancer would not go there`,
    ],
    [undefined, 'stale reads', `${verdict.stale} of ${reads} were older than their client's own last write`],
    [undefined, 'writes took', writeTimesText(operations)],
    [undefined, 'the group says', measuredText(measured)],
  ]
}

function mark(isGood) {
  if (isGood === undefined) return dim('·')
  return isGood ? green('✓') : red('✗')
}

/** The run's verdict as lines of text. Takes { verdict, isPassed, operations, unreachable, failoversMs, replicas, measured }. */
export function reportLines(run) {
  const { verdict, isPassed } = run
  const findings = verdict.findings
    .slice(0, FINDINGS_SHOWN)
    .map(({ kind, text }) => `  ${red(kind)}  ${text}`)
  const more = verdict.findings.length - findings.length
  return [
    '',
    ...rows(run).map(([isGood, label, text]) => `  ${mark(isGood)} ${label.padEnd(17)}${text}`),
    '',
    ...findings,
    ...(more > 0 ? [`  … and ${more} more`] : []),
    bold(isPassed ? green('Nothing lost, nothing duplicated.') : red('This run did not pass.')),
  ]
}

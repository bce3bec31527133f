import { writeFileSync } from 'node:fs'
import { MEASURES } from './samples.mjs'

const COLUMNS = ['n', 'min', 'p50', 'p90', 'p99', 'max']
const rounded = (value) =>
  value < 10 && !Number.isInteger(value) ? value.toFixed(1) : `${Math.round(value)}`

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  )
}

/** How many times longer each of the others takes, by the medians of the same failure and measure. */
export function ratiosOf(summaries) {
  return summaries
    .filter(({ group, measure }) => group !== 'Leasehold' && measure === 'electedMs')
    .flatMap(({ group, failure, p50 }) =>
      summaries
        .filter((own) => own.group === 'Leasehold' && own.failure === failure && own.measure !== 'pausedMs')
        .map((own) => ({ group, failure, measure: own.measure, ratio: p50 / own.p50 })),
    )
}

/** The lines of the report, in ms. */
export function reportLines({ machine, samples, command }) {
  const summaries = samples.flatMap((some) => some.summaries())
  const rows = summaries.map((row) => [
    row.group,
    row.failure,
    MEASURES[row.measure],
    ...COLUMNS.map((column) => rounded(row[column])),
  ])
  const { cpus, cpu, node, redis, load } = machine
  const ratios = ratiosOf(summaries).map(
    ({ group, failure, measure, ratio }) =>
      `  ${failure}: ${group} takes ${ratio.toFixed(1)} times as long to elect as Leasehold takes ${MEASURES[measure]}`,
  )
  const notes = samples.flatMap(({ group, failure, invalid, skipped, refused }) => [
    ...(skipped ? [`  ${group}, ${failure}: skipped, ${skipped}`] : []),
    ...(invalid.length > 0
      ? [`  ${group}, ${failure}: ${invalid.length} invalid: ${[...new Set(invalid)].join('; ')}`]
      : []),
    ...(refused > 0 ? [`  ${group}, ${failure}: ${refused} requests of the client were refused`] : []),
  ])
  return [
    '',
    ...table([['ms', 'failure', 'measured', ...COLUMNS], ...rows]),
    '',
    ...(ratios.length > 0 ? ['Medians:', ...ratios] : []),
    ...(notes.length > 0
      ? ['Notes:', ...notes]
      : ['Every repetition counts: another instance led after each.']),
    '',
    `${command} on ${cpus} cores (${cpu}), Node ${node}, ${redis}; load average ${load.p50.toFixed(1)} (median), ${load.max.toFixed(1)} (max)`,
  ]
}

/** All there is, for whoever wants to draw it. */
export function writeJson(file, { machine, samples, command, options, startedAt }) {
  const summaries = samples.flatMap((some) => some.summaries())
  const notes = samples.map(({ group, failure, invalid, skipped, refused }) => ({
    ...{ group, failure, invalid, refused },
    ...(skipped && { skipped }),
  }))
  const all = { startedAt, command, options, machine, summaries, ratios: ratiosOf(summaries), notes }
  writeFileSync(file, `${JSON.stringify(all, undefined, 1)}\n`)
}

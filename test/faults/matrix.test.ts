import { appendFileSync } from 'node:fs'
import { stopAll } from '../support/stop-all.js'
import type { Row } from './nemesis/row.js'
import { rows, shortRows } from './nemesis/rows/index.js'
import { missing } from './nemesis/needs.js'
import { runRow, type Trial } from './nemesis/trial.js'

/**
 * Runs rows of docs/fault-matrix.md, each with a seed. `npm test` runs some once, with seeds that stay the same;
 * `npm run test:soak` runs all, again and again, with others. It needs a build.
 */

/** What `npm run test:soak` asks for. */
const ROWS = process.env['SOAK_ROWS']
const SEED = Number(process.env['SOAK_SEED'] ?? 1)
const REPORT = process.env['SOAK_REPORT']

const chosen = rowsFor(ROWS)

afterEach(stopAll)

it.each(chosen.map((row) => [titleOf(row), row] as const))(
  '%s',
  async (_, row) => {
    if (missing(row).length > 0) return report({ row: row.id, seed: SEED, leftOut: missing(row) })
    const trial = await runRow(row, SEED).catch((error: Error) => {
      report({ row: row.id, seed: SEED, error: error.message })
      throw error
    })
    report(trial)
    expect({ problems: trial.problems, didNotBite: trial.invalid }).toEqual({ problems: [], didNotBite: [] })
  },
  120_000,
)

function rowsFor(asked: string | undefined): readonly Row[] {
  if (asked === undefined) return shortRows
  return asked === 'all' ? rows : rows.filter(({ id }) => asked.split(',').includes(id))
}

function titleOf(row: Row): string {
  const left = missing(row)
  const outcome = left.length > 0 ? ` (left out: this machine has no ${left.join(', no ')})` : ''
  return `${row.id}, seed ${SEED}: ${row.fault}${outcome}`
}

type Report =
  | Trial
  | { row: string; seed: number; leftOut: readonly string[] }
  | { row: string; seed: number; error: string }

/** For the table of `npm run test:soak`, and for whoever wants to see a failure again. */
function report(found: Report): void {
  if (REPORT !== undefined) {
    appendFileSync(REPORT, `${JSON.stringify(found)}\n`)
    process.stdout.write(`${JSON.stringify(found)}\n`)
  }
  const failed = 'error' in found || ('problems' in found && found.problems.length + found.invalid.length > 0)
  if (failed)
    process.stdout.write(
      `${found.row} failed; again: npm run test:soak -- --row ${found.row} --seed ${found.seed}\n`,
    )
}

/**
 * Runs the rows of docs/fault-matrix.md again and again, each time with another seed, and prints what came of them:
 * `npm run test:soak [-- --row R5,R18] [--runs n] [--seed s] [--minutes m]`. A run that failed is had again by its row and seed.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { jest, testEnvironment } from './lib/jest.mjs'
import { cacheFolder } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { EX_USAGE, runScript, ScriptError, typedCommand } from './lib/script.mjs'
import { soakTable } from './lib/soak-table.mjs'

const report = join(cacheFolder, 'soak.jsonl')

function readOptions(args) {
  const option = { type: 'string' }
  try {
    const { values } = parseArgs({
      args,
      options: { row: option, runs: option, seed: option, minutes: option },
    })
    const numbers = ['runs', 'seed', 'minutes'].map((name) => [name, number(values[name])])
    return { row: values.row, ...Object.fromEntries(numbers) }
  } catch (error) {
    const usage = `Usage: ${typedCommand().withOption}[--row R5,R18] [--runs n] [--seed s] [--minutes m]`
    throw new ScriptError(`${error.message}\n${usage}`, EX_USAGE)
  }
}

function number(text) {
  if (text !== undefined && !(Number(text) > 0)) throw new Error(`${text} is no number above 0`)
  return text === undefined ? undefined : Number(text)
}

/** All rows once under one seed; of `row`, those. */
function oneRound(row, seed, environment) {
  const asked = { SOAK_ROWS: row ?? 'all', SOAK_SEED: String(seed), SOAK_REPORT: report }
  const args = [...jest, '--silent', 'test/faults/matrix.test.ts']
  return run(process.execPath, args, { env: { ...environment, ...asked } })
}

async function soak(args) {
  const {
    row,
    seed: first = Math.ceil(Math.random() * 1e6),
    minutes,
    runs = minutes ? Infinity : 1,
  } = readOptions(args)
  await install()
  await build()
  const environment = await testEnvironment()
  mkdirSync(cacheFolder, { recursive: true })
  rmSync(report, { force: true })
  const untilMs = performance.now() + (minutes ?? Infinity) * 60_000
  let exitCode = 0
  for (let done = 0; done < runs && performance.now() < untilMs; done++)
    exitCode = (await oneRound(row, first + done, environment)) || exitCode
  const lines = existsSync(report) ? readFileSync(report, 'utf8').trim().split('\n') : []
  process.stdout.write(`\n${soakTable(lines.map((line) => JSON.parse(line)))}\n`)
  if (lines.length === 0) throw new ScriptError(`Nothing has run. Is there a row ${row}?`)
  return exitCode
}

await runScript(soak)

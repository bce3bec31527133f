import { join } from 'node:path'
import { type Program, startProgram } from '../support/program.js'
import type { PlanName } from './simulate.js'

/** Which runs: `npm run simulate` says it in the environment; by default the first ones, in one process. */
const FROM = Number(process.env['SIMULATE_FROM'] ?? 1)
const PROCESSES = Number(process.env['SIMULATE_PROCESSES'] ?? 1)
const TRACE = process.env['SIMULATE_TRACE'] !== undefined

/** A run takes a twentieth of a second; whatever takes so long goes round for ever. */
const RUN_MS = 120_000

/** What came of a number of runs. */
export interface Runs {
  /** The first problem of each run that found one, and how to have that run again. */
  readonly failures: readonly string[]
  /** Faults and effects without which the runs say nothing, and which have not come. Of fewer runs than usual none is asked. */
  readonly missing: readonly string[]
}

/** What a process says: of a run that is over, or what happens in it. */
type Said = { line: string } | { line?: undefined; seed: number; problems: string[]; seen: string[] }

/**
 * Runs a plan with one seed after the other, in processes of their own: in Jest's the same takes twice as long, and several
 * times as long where other test files have run before.
 */
export async function runAll(plan: PlanName, usual: number, effects: readonly string[]): Promise<Runs> {
  const runs = Number(process.env['SIMULATE_RUNS'] ?? usual)
  const failures = new Map<number, string>()
  const seen = new Set<string>()
  const processes = Math.min(PROCESSES, runs)
  await Promise.all(
    Array.from({ length: processes }, async (_, i) => {
      const first = FROM + i
      const program = await start(plan, first, FROM + runs - 1, processes)
      for (let seed = first; seed < FROM + runs; seed += processes) {
        const again = `npm run simulate -- --plan ${plan} --from ${seed} --runs 1 --trace`
        const run = await outcomeOf(program).catch((error: unknown) => {
          throw new Error(`Seed ${seed} has not ended; again: ${again}`, { cause: error })
        })
        for (const what of run.seen) seen.add(what)
        const [problem] = run.problems
        if (problem !== undefined)
          failures.set(seed, `${problem} (${run.problems.length} problems; ${again})`)
      }
    }),
  )
  return {
    failures: [...failures].toSorted(([a], [b]) => a - b).map(([, failure]) => failure),
    missing: runs < usual ? [] : effects.filter((effect) => !seen.has(effect)),
  }
}

function start(plan: PlanName, first: number, last: number, step: number): Promise<Program> {
  const args = [plan, first, last, step, ...(TRACE ? ['trace'] : [])].map(String)
  const nodeArgs = [
    '--require',
    join(__dirname, '../support/typescript.cjs'),
    '--conditions=@leasehold/source',
  ]
  // A twentieth of the time goes into stacks of errors that are part of the game; who looks closer has them.
  if (!TRACE) nodeArgs.push('--stack-trace-limit=0')
  return startProgram({ file: join(__dirname, 'run-seeds.cjs') }, { nodeArgs, args })
}

/** The next run that is over. What happens in it is printed. */
async function outcomeOf(program: Program) {
  for (;;) {
    const said = await program.next<Said>(undefined, RUN_MS)
    if (said.line === undefined) return said
    process.stdout.write(`${said.line}\n`)
  }
}

import { type PlanName, simulate } from './simulate.js'

/** Which runs: `npm run simulate` says it in the environment; by default the first ones. */
const FROM = Number(process.env['SIMULATE_FROM'] ?? 1)
const TRACE = process.env['SIMULATE_TRACE'] !== undefined

/** What came of a number of runs. */
export interface Runs {
  /** The first problem of each run that found one, and how to have that run again. */
  readonly failures: readonly string[]
  /** Faults and effects without which the runs say nothing, and which have not come. Of fewer runs than usual none is asked. */
  readonly missing: readonly string[]
}

/** Runs a plan with one seed after the other. */
export async function runAll(plan: PlanName, usual: number, effects: readonly string[]): Promise<Runs> {
  const runs = Number(process.env['SIMULATE_RUNS'] ?? usual)
  const failures: string[] = []
  const seen = new Set<string>()
  const tell = (line: string) => void process.stdout.write(`${line}\n`)
  for (let seed = FROM; seed < FROM + runs; seed++) {
    const run = await simulate(plan, seed, TRACE ? tell : undefined)
    for (const what of run.seen) seen.add(what)
    const [first] = run.problems
    if (first !== undefined)
      failures.push(
        `${first} (${run.problems.length} problems; npm run simulate -- --plan ${plan} --from ${seed} --runs 1 --trace)`,
      )
  }
  return { failures, missing: runs < usual ? [] : effects.filter((effect) => !seen.has(effect)) }
}

import { type PlanName, simulate } from './simulate.js'

/** Which runs: `npm run simulate` says it in the environment; by default the first ones. */
const FROM = Number(process.env['SIMULATE_FROM'] ?? 1)
const TRACE = process.env['SIMULATE_TRACE'] !== undefined

/** Runs a plan with one seed after the other, and adds up what happened. */
export async function runAll(
  plan: PlanName,
  usual: number,
): Promise<{ failures: string[]; counts: Record<string, number> }> {
  const runs = Number(process.env['SIMULATE_RUNS'] ?? usual)
  const failures: string[] = []
  const counts: Record<string, number> = {}
  const tell = (line: string) => void process.stdout.write(`${line}\n`)
  for (let seed = FROM; seed < FROM + runs; seed++) {
    const run = await simulate(plan, seed, TRACE ? tell : undefined)
    for (const [what, times] of Object.entries(run.counts)) counts[what] = (counts[what] ?? 0) + times
    const [first] = run.problems
    if (first !== undefined)
      failures.push(
        `${first} (${run.problems.length} problems; npm run simulate -- --plan ${plan} --from ${seed} --runs 1 --trace)`,
      )
  }
  return { failures, counts }
}

/** What a fault or its effect must have come up with for a number of runs to say anything. */
export function expectToHaveBitten(
  counts: Readonly<Record<string, number>>,
  effects: readonly string[],
): void {
  expect(effects.filter((effect) => !counts[effect])).toEqual([])
}

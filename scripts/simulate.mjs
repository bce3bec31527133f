/**
 * Simulates failovers in virtual time: `npm run simulate -- [--plan crashes|losses] [--from seed] [--runs n] [--trace]`.
 * By default both plans, 10,000 runs of each from seed 1. A failing run is printed with the command that repeats it.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { install } from './lib/install.mjs'
import { jest } from './lib/jest.mjs'
import { run } from './lib/run.mjs'
import { EX_USAGE, runScript, ScriptError } from './lib/script.mjs'

const PLANS = ['crashes', 'losses']

await runScript(async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      plan: { type: 'string' },
      from: { type: 'string', default: '1' },
      runs: { type: 'string', default: '10000' },
      trace: { type: 'boolean', default: false },
    },
  })
  const { plan, from, runs, trace } = values
  if (plan !== undefined && !PLANS.includes(plan))
    throw new ScriptError(`--plan is one of ${PLANS.join(', ')}.`, EX_USAGE)
  for (const [name, value] of Object.entries({ from, runs }))
    if (!/^[1-9]\d*$/.test(value))
      throw new ScriptError(`--${name} is a whole number of at least 1.`, EX_USAGE)
  await install()
  const tests = (plan === undefined ? PLANS : [plan]).map((name) => `test/simulation/${name}.test.ts`)
  const asked = {
    SIMULATE_FROM: from,
    SIMULATE_RUNS: runs,
    // What happens in one run is not to be mixed with what happens in another.
    SIMULATE_PROCESSES: String(trace ? 1 : availableParallelism()),
    ...(trace && { SIMULATE_TRACE: '1' }),
  }
  // One plan after the other, each on all cores.
  return run(process.execPath, [...jest, '--runInBand', ...tests], { env: { ...process.env, ...asked } })
})

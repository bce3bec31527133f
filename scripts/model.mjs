/**
 * Searches the states of the protocol's model, as it is and with each of its checks taken out: `npm run model [-- NAME …]`.
 * With names, only the runs in which one of them stands. Needs spin and gcc; --install installs them, as CI does.
 * --no-limit lets every search come to its end, however slow the machine.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { CONFIGURATIONS, MUTANTS, OPEN, REDUNDANT, UNSHOWN } from './lib/model-runs.mjs'
import { runScript, takeFlag } from './lib/script.mjs'
import { findSpin } from './lib/spin-install.mjs'
import { search } from './lib/spin.mjs'
import { green, red, seconds } from './lib/step.mjs'

/** All searches together. Those that begin later have a moment of their own, so that nothing is left out in silence. */
const BUDGET_MS = 105_000
const LEAST_MS = 1000
/** For one that must find an error: to run out of time is a failure there. */
const MUST_FIND_MS = 60_000
/** Slots of the hash table, as a power of two. */
const SLOTS = 23

const withMutant = ([expected, ...defines]) => ({ name: defines[0], defines, expected })
const withoutError = (defines) => ({ name: `${defines[0]} alone`, defines })

/** Those that must find an error first: they find it soon, and need no complete search. */
const SEARCHES = [
  ...MUTANTS.map(withMutant),
  ...REDUNDANT.map(([expected, mutant, partner, ...bounds]) => ({
    name: `${mutant} with ${partner}`,
    defines: [mutant, partner, ...bounds],
    expected,
  })),
  ...OPEN.map(withMutant),
  ...REDUNDANT.map(([, mutant, , ...bounds]) => withoutError([mutant, ...bounds])),
  ...UNSHOWN.map(withoutError),
  ...CONFIGURATIONS.map(([name, ...defines]) => ({ name, defines })),
]

function chosen(names) {
  if (names.length === 0) return SEARCHES
  return SEARCHES.filter(({ name, defines }) =>
    names.some((part) => [name, ...defines].some((word) => word.includes(part))),
  )
}

/** Whether a search found what it was to find, and what the table says of it. */
function judge({ expected }, { found, complete }) {
  if (expected !== undefined) return { isGood: found === expected, says: found ?? `${expected} not found` }
  if (found !== undefined) return { isGood: false, says: found }
  return { isGood: true, says: complete ? 'no error' : 'time is up' }
}

async function runOne(one, folder, untilMs) {
  mkdirSync(folder)
  const { name, defines } = one
  const mustFind = one.expected !== undefined
  const verdict = await search({
    ...{ defines, folder, untilMs, slots: SLOTS },
    leastMs: mustFind ? MUST_FIND_MS : LEAST_MS,
    optimisation: mustFind ? '-O0' : '-O1', // most find it so soon that the compiler would take longer
  })
  rmSync(folder, { recursive: true })
  const { isGood, says } = judge(one, verdict)
  const states = verdict.states.toLocaleString('en').padStart(11)
  const took = seconds(verdict.tookMs).padStart(7)
  console.log(
    `${isGood ? green('✓') : red('✗')} ${name.padEnd(40)}${states}${took}  ${says.padEnd(15)}  ${defines.join(' ')}`,
  )
  return { isGood, isCut: isGood && one.expected === undefined && !verdict.complete }
}

await runScript(async (args) => {
  if (!(await findSpin(takeFlag(args, '--install')))) {
    console.log('skipped: spin and gcc are not here, and could not be installed')
    return 0
  }
  const isLimited = !takeFlag(args, '--no-limit')
  const searches = chosen(args)
  const top = mkdtempSync(join(tmpdir(), 'leasehold-model-'))
  const untilMs = performance.now() + (isLimited ? BUDGET_MS : 3_600_000)
  const results = []
  let next = 0
  console.log(`  ${''.padEnd(40)}${'states'.padStart(11)}${'time'.padStart(7)}`)
  const work = async () => {
    while (next < searches.length) {
      const number = next++
      results.push(await runOne(searches[number], join(top, String(number)), untilMs))
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work))
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
  const passed = results.filter(({ isGood }) => isGood).length
  const cut = results.filter(({ isCut }) => isCut).length
  if (cut > 0) console.log(`\nTime was up in ${cut} searches: no error in the states that they did visit.`)
  console.log(`\n${passed} passed, ${results.length - passed} failed`)
  return passed === results.length && passed > 0 ? 0 : 1
})

/**
 * A newcomer that finds a long log behind the snapshot: entries a second until it is at the head, beside a bare loop over the
 * same stream; and what a steady load of writes takes meanwhile, beside the same load with nobody catching up. Options:
 * --entries N, --perSecond N (writes of the load), --rounds N, --json FILE.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { step } from '../scripts/lib/step.mjs'
import { untilSettled } from './catch-up/settled.mjs'
import { withMembers } from './shared/member.mjs'
import { runBench } from './shared/run-bench.mjs'
import { inTurns, resultsOf, ratioOf } from './shared/turns.mjs'

const programOf = (name) => new URL(`catch-up/${name}.mjs`, import.meta.url)

const ENTRIES_PER_SECOND = 100_000
/** How long the load goes on with nobody catching up. */
const QUIET_MS = 5000

/** What the leader's writes take while something else is done. */
async function underLoad(leader, perSecond, work) {
  await leader.call('load', { perSecond })
  const figures = await work()
  return { ...figures, ...(await leader.call('endLoad')) }
}

/** Someone in a process of its own, under a name that was not there before, goes from nothing to the head. */
function sampleOf(program, leader, settings, perSecond) {
  return withMembers(async (start) => {
    const newcomer = await start(programOf(program), settings)
    return underLoad(leader, perSecond, async () => {
      const { entries, ms } = await newcomer.call('catchUp')
      return { entriesPerSecond: entries / (ms / 1000) }
    })
  })
}

await runBench({
  name: 'catch-up',
  defaults: { entries: 1_000_000, perSecond: 1000, rounds: 5 },
  measure: ({ options: { entries, perSecond, rounds }, redis }) =>
    withMembers(async (start) => {
      const settings = { redis: redis.url, group: 'catch-up' }
      const leader = await start(programOf('leader'), { ...settings, name: 'leader' })
      await step(`${entries} entries behind the snapshot`, async () => {
        await leader.call('fill', { entries })
        await untilSettled(redis.url)
      })
      let newcomers = 0
      const named = () => ({ ...settings, name: `newcomer-${++newcomers}` })
      const schemes = {
        'a newcomer': () => sampleOf('newcomer', leader, named(), perSecond),
        'the bare loop': () => sampleOf('bare-loop', leader, named(), perSecond),
        nobody: () => underLoad(leader, perSecond, () => sleep(QUIET_MS)),
      }
      const samples = await step(`${perSecond} writes a second meanwhile`, (say) =>
        inTurns(schemes, rounds, say),
      )
      return resultsOf(samples)
    }),
  targetsOf([newcomer, , nobody]) {
    const { entriesPerSecond } = newcomer.figures
    return [
      {
        ...{ what: `entries a second of a newcomer, of ${ENTRIES_PER_SECOND}` },
        ...{ ratio: entriesPerSecond / ENTRIES_PER_SECOND, atLeast: 1 },
      },
      {
        ...{ what: 'p99 of a write with a newcomer, without' },
        ...{ ratio: ratioOf(newcomer.samples, nobody.samples, 'p99Ms'), atMost: 2 },
      },
    ]
  },
})

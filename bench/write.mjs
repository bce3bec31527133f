/**
 * Writes of a lone leader, by `node.write`, beside the same append script driven by bare ioredis, with the same number of
 * writes outstanding and gathered in the same way; in processes of their own. Options: --writes N, --rounds N, --json FILE.
 */
import { step } from '../scripts/lib/step.mjs'
import { Group } from './fanout/group.mjs'
import { runBench } from './shared/run-bench.mjs'
import { inTurns, resultsOf, ratioOf } from './shared/turns.mjs'

const OUTSTANDING = 256

function sampleOf(scheme, redis, writes) {
  return Group.with(scheme, redis.url, 0, async (group) => {
    await group.run({ writes: Math.round(writes / 5), outstanding: OUTSTANDING }) // until the code is compiled
    const { leader } = await group.run({ writes, outstanding: OUTSTANDING })
    return {
      writesPerSecond: writes / ((leader.acknowledgedUs - leader.startedUs) / 1e6),
      leaderUs: leader.cpuUs / writes,
    }
  })
}

await runBench({
  name: 'write',
  defaults: { writes: 200_000, rounds: 7 },
  async measure({ options: { writes, rounds }, redis }) {
    const schemes = {
      'node.write': () => sampleOf('leasehold', redis, writes),
      'the script alone': () => sampleOf('script', redis, writes),
    }
    const samples = await step(`${writes} writes each`, (say) => inTurns(schemes, rounds, say))
    return resultsOf(samples)
  },
  targetsOf: ([ours, script]) => [
    {
      what: 'writes a second of node.write, of the script alone',
      ratio: ratioOf(ours.samples, script.samples, 'writesPerSecond'),
      atLeast: 0.6,
    },
  ],
})

/**
 * Writes of a lone leader, by `node.write`, beside the same append script driven by bare ioredis, with the same number of
 * writes outstanding and gathered in the same way; in turns, in processes of their own. Options: --writes N, --rounds N.
 */
import { parseArgs } from 'node:util'
import { openRedis } from '../scripts/lib/private-redis.mjs'
import { runScript } from '../scripts/lib/script.mjs'
import { note, step } from '../scripts/lib/step.mjs'
import { Group } from './fanout/group.mjs'

const OUTSTANDING = 256
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

async function sampleOf(scheme, redis, writes) {
  const group = await Group.start(scheme, redis.url, 0)
  try {
    await group.run({ writes: Math.round(writes / 5), outstanding: OUTSTANDING }) // until the code is compiled
    const { leader } = await group.run({ writes, outstanding: OUTSTANDING })
    return {
      perSecond: writes / ((leader.acknowledgedUs - leader.startedUs) / 1e6),
      cpuUs: leader.cpuUs / writes,
    }
  } finally {
    await group.stop()
  }
}

await runScript(async (args) => {
  const { values } = parseArgs({
    args,
    options: { writes: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '7' } },
  })
  const [writes, rounds] = [Number(values.writes), Number(values.rounds)]
  const redis = await openRedis({ appendOnly: true })
  try {
    const samples = { leasehold: [], script: [] }
    await step(`${writes} writes each`, async (say) => {
      for (let round = 0; round < rounds; round++) {
        for (const scheme of Object.keys(samples)) samples[scheme].push(await sampleOf(scheme, redis, writes))
        say(`${round + 1} of ${rounds} rounds`)
      }
    })
    for (const [scheme, some] of Object.entries(samples)) {
      const [perSecond, cpuUs] = ['perSecond', 'cpuUs'].map((name) =>
        median(some.map((sample) => sample[name])),
      )
      note(`${scheme}: ${Math.round(perSecond)} writes a second, ${cpuUs.toFixed(2)} µs of CPU each`)
    }
    const ratio = median(
      samples.leasehold.map(({ perSecond }, at) => perSecond / samples.script[at].perSecond),
    )
    note(`node.write reaches ${ratio.toFixed(2)} of the script alone`)
  } finally {
    await redis.stop()
  }
  return 0
})

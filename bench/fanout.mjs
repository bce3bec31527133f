/**
 * Replicated writes a second, and how soon the slowest follower has one: Leasehold beside a plain stream in Redis and one
 * BullMQ job per write and follower. Options: --followers 1,4,8, --rounds N, --writes N, --schemes a,b, --json FILE.
 */
import { step } from '../scripts/lib/step.mjs'
import { Group } from './fanout/group.mjs'
import { latency, throughput } from './fanout/measures.mjs'
import { runBench } from './shared/run-bench.mjs'
import { inTurns, resultsOf, ratioOf } from './shared/turns.mjs'

const OUTSTANDING = 256
const SLOW_LOAD = { writes: 600, perSecond: 200 }
/** One job per write and follower is so slow that it gets fewer. */
const SHARE = { leasehold: 1, stream: 1, bullmq: 0.02 }

function sampleOf(scheme, followers, writes, redis) {
  return Group.with(scheme, redis.url, followers, async (group) => {
    const load = { writes: Math.round(writes * SHARE[scheme]), outstanding: OUTSTANDING }
    await throughput(group, redis, { ...load, writes: Math.round(load.writes / 5) }) // until the code is compiled
    return { ...(await throughput(group, redis, load)), ...(await latency(group, SLOW_LOAD)) }
  })
}

/** What is aimed at with so many followers. */
function targetsFor(results, followers) {
  const of = (scheme) => results.find((result) => result.followers === followers && result.scheme === scheme)
  const [ours, stream, bullmq] = [of('leasehold'), of('stream'), of('bullmq')]
  const target = (what, peer, figure, bound) =>
    ours && peer
      ? [{ what: `F=${followers}, ${what}`, ratio: ratioOf(ours.samples, peer.samples, figure), ...bound }]
      : []
  return [
    ...target('replicated writes a second, of the stream', stream, 'writesPerSecond', { atLeast: 0.8 }),
    ...target('replicated writes a second, of a job each', bullmq, 'writesPerSecond', { atLeast: 40 }),
    ...(followers === 4
      ? [
          ...target('median until all have it, of the stream', stream, 'p50Ms', { atMost: 1.5 }),
          ...target('p99 until all have it, of the stream', stream, 'p99Ms', { atMost: 4 }),
          ...target('CPU of Redis for a write, of the stream', stream, 'redisUs', { atMost: 1.4 }),
        ]
      : []),
  ]
}

await runBench({
  name: 'fanout',
  defaults: { followers: '1,4,8', rounds: 5, writes: 100_000, schemes: 'leasehold,stream,bullmq' },
  async measure({ options: { followers, rounds, writes, schemes }, redis }) {
    const results = []
    for (const count of followers.split(',').map(Number)) {
      const all = schemes.split(',').map((name) => [name, () => sampleOf(name, count, writes, redis)])
      const samples = await step(`${count} followers`, (say) => inTurns(Object.fromEntries(all), rounds, say))
      for (const { name: scheme, ...result } of resultsOf(samples))
        results.push({ ...result, name: `F=${count} ${scheme}`, followers: count, scheme })
    }
    return results
  },
  targetsOf: (results) =>
    [...new Set(results.map(({ followers }) => followers))].flatMap((followers) =>
      targetsFor(results, followers),
    ),
})

/**
 * Memory under full load, while followers are killed and replaced: of the leader, of a follower that stays, and of Redis, at
 * the end and at the beginning, after a warm-up. In MiB. Options: --minutes N, --json FILE (with all samples).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { step } from '../scripts/lib/step.mjs'
import { ChurningGroup } from './memory/churn.mjs'
import { RedisMemory } from './memory/redis-memory.mjs'
import { median } from './shared/quantile.mjs'
import { runBench } from './shared/run-bench.mjs'

const OUTSTANDING = 256
const SAMPLE_MS = 10_000
/** Of these, each third one a follower is killed before it is taken. */
const SAMPLES_A_KILL = 3
const WARM_UP_MS = 60_000
const MIB = 1024 * 1024

async function sampleOf(group, redis) {
  const [leader, survivor, inRedis] = await Promise.all([
    group.leader.call('memory'),
    group.survivor.call('memory'),
    redis.sample(),
  ])
  return {
    ...{ 'leader, RSS': leader.rss / MIB, 'leader, heap': leader.heapUsed / MIB },
    ...{ 'surviving follower, RSS': survivor.rss / MIB, 'surviving follower, heap': survivor.heapUsed / MIB },
    ...{ 'Redis, used_memory': inRedis.bytes / MIB },
    ...{ 'Redis, keys': inRedis.keys, 'Redis, entries in the log': inRedis.entries },
  }
}

async function samplesOf(group, redis, totalMs, say) {
  const samples = []
  const startedMs = performance.now()
  for (let count = 1; count * SAMPLE_MS <= totalMs; count++) {
    if (count % SAMPLES_A_KILL === 0) await group.replaceOne()
    await sleep(startedMs + count * SAMPLE_MS - performance.now())
    samples.push({ atMs: performance.now() - startedMs, ...(await sampleOf(group, redis)) })
    say(`${group.kills} followers replaced`)
  }
  return samples
}

/** The median at either end of what was sampled after the warm-up, a tenth of it each. */
function resultsOf(all, totalMs) {
  const samples = all.filter(({ atMs }) => atMs > Math.min(WARM_UP_MS, totalMs / 10))
  const tenth = Math.ceil(samples.length / 10)
  const names = Object.keys(samples[0]).filter((name) => name !== 'atMs')
  return names.map((name) => {
    const values = samples.map((sample) => sample[name])
    const [start, end] = [median(values.slice(0, tenth)), median(values.slice(-tenth))]
    return { name, figures: { start, end, most: Math.max(...values) }, samples: values }
  })
}

await runBench({
  name: 'memory',
  defaults: { minutes: 10 },
  async measure({ options: { minutes }, redis: { url } }) {
    const totalMs = minutes * 60_000
    const redis = new RedisMemory(url, 'memory')
    try {
      return await ChurningGroup.with({ redis: url, group: 'memory' }, (group) =>
        step(`${minutes} minutes of writes`, async (say) => {
          await group.leader.call('load', { outstanding: OUTSTANDING })
          const samples = await samplesOf(group, redis, totalMs, say)
          const { writes } = await group.leader.call('endLoad')
          say(`${writes} writes, ${group.kills} followers replaced`)
          return resultsOf(samples, totalMs)
        }),
      )
    } finally {
      redis.stop()
    }
  },
  targetsOf: (results) =>
    ['leader, RSS', 'surviving follower, RSS', 'Redis, used_memory'].map((name) => {
      const { start, end } = results.find((result) => result.name === name).figures
      return { what: `${name} at the end, at the beginning`, ratio: end / start, atMost: 1.2 }
    }),
})

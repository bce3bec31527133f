/**
 * Replicated writes a second, and how soon the slowest follower has one: Leasehold beside a plain stream in Redis and one
 * BullMQ job per write and follower, in turns, on one private Redis. Options: --followers 1,4,8, --rounds N, --writes N,
 * --schemes a,b, --json FILE.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { findRedis } from '../scripts/lib/redis.mjs'
import { startPrivateRedis } from '../scripts/lib/private-redis.mjs'
import { runScript } from '../scripts/lib/script.mjs'
import { note, step } from '../scripts/lib/step.mjs'
import { Group } from './fanout/group.mjs'

/** What the others are compared with. */
const LIMIT = 'stream'
const OUTSTANDING = 256
const PER_SECOND = 200
const LATENCY_WRITES = 600
/** One job per write and follower is so slow that it gets fewer. */
const SHARE = { leasehold: 1, stream: 1, bullmq: 0.02 }

const median = (values) => quantile(values, 0.5)

function quantile(values, q) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
}

/** CPU time of a process, in microseconds, as the system counts it. */
function cpuUsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

async function throughput(group, redis, writes) {
  const before = cpuUsOf(redis.pid)
  const { leader, seen } = await group.run({ writes, outstanding: OUTSTANDING })
  const redisUs = cpuUsOf(redis.pid) - before
  const lastUs = Math.max(...seen.map((follower) => follower.lastUs))
  return {
    writesPerSecond: writes / ((lastUs - leader.startedUs) / 1e6),
    redisUs: redisUs / writes,
    leaderUs: leader.cpuUs / writes,
    followerUs: median(seen.map(({ cpuUs }) => cpuUs)) / writes,
  }
}

/** In ms, until the slowest follower has an entry. */
async function latency(group) {
  const { seen } = await group.run({ writes: LATENCY_WRITES, perSecond: PER_SECOND })
  const slowest = seen[0].latenciesUs.map(
    (_, at) => Math.max(...seen.map(({ latenciesUs }) => latenciesUs[at])) / 1000,
  )
  return { p50: quantile(slowest, 0.5), p99: quantile(slowest, 0.99) }
}

/** All schemes in turns, so that whatever disturbs the machine disturbs all alike. */
async function measure(schemes, followers, { rounds, writes }, redis, say) {
  const samples = new Map(schemes.map((scheme) => [scheme, []]))
  for (let round = 0; round < rounds; round++) {
    for (const scheme of schemes) {
      const group = await Group.start(scheme, redis.url, followers)
      try {
        const count = Math.round(writes * SHARE[scheme])
        await throughput(group, redis, Math.round(count / 5)) // until the code is compiled
        const sample = { ...(await throughput(group, redis, count)), ...(await latency(group)) }
        samples.get(scheme).push(sample)
      } finally {
        await group.stop()
      }
    }
    say(`${round + 1} of ${rounds} rounds`)
  }
  return samples
}

const COLUMNS = ['writesPerSecond', 'p50', 'p99', 'redisUs', 'leaderUs', 'followerUs']

/** Medians, and the medians of the ratios within each round. */
function summaryOf(samples, followers) {
  const limit = samples.get(LIMIT)
  return [...samples].map(([scheme, some]) => {
    const medians = Object.fromEntries(
      COLUMNS.map((name) => [name, median(some.map((sample) => sample[name]))]),
    )
    const ratios =
      limit &&
      Object.fromEntries(
        COLUMNS.map((name) => [name, median(some.map((sample, at) => sample[name] / limit[at][name]))]),
      )
    return { followers, scheme, medians, ratios }
  })
}

function lineOf({ followers, scheme, medians, ratios }) {
  const cells = COLUMNS.map((name) => {
    const value = medians[name] >= 100 ? Math.round(medians[name]) : medians[name].toFixed(2)
    return `${value}${ratios ? ` (${ratios[name].toFixed(2)})` : ''}`.padStart(16)
  })
  return `F=${followers} ${scheme.padEnd(10)}${cells.join('')}`
}

await runScript(async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      followers: { type: 'string', default: '1,4,8' },
      rounds: { type: 'string', default: '5' },
      writes: { type: 'string', default: '100000' },
      schemes: { type: 'string', default: 'leasehold,stream,bullmq' },
      json: { type: 'string' },
    },
  })
  const options = { rounds: Number(values.rounds), writes: Number(values.writes) }
  const redis = await startPrivateRedis(await findRedis({ needsBinary: true }), { appendOnly: true })
  try {
    const summaries = []
    for (const followers of values.followers.split(',').map(Number)) {
      const samples = await step(`${followers} followers`, (say) =>
        measure(values.schemes.split(','), followers, options, redis, say),
      )
      summaries.push(...summaryOf(samples, followers))
    }
    note(
      [
        '',
        `${' '.repeat(14)}${COLUMNS.map((name) => name.padStart(16)).join('')}`,
        ...summaries.map(lineOf),
        '',
      ].join('\n'),
    )
    note(
      `${cpus().length} cores (${cpus()[0].model.trim()}), Node ${process.version}, load average ${loadavg()[0].toFixed(1)}`,
    )
    if (values.json) writeFileSync(values.json, `${JSON.stringify(summaries, undefined, 1)}\n`)
    return 0
  } finally {
    await redis.stop()
  }
})

/**
 * How long nobody leads, and how long writes stand still, when a leader fails: Leasehold beside two electors that only
 * elect, in turns, on one private Redis. Options: --kills N, --stops N, --switchovers N, --hangs N, --seed N, --json FILE.
 */
import { cpus, loadavg } from 'node:os'
import { findRedis } from '../scripts/lib/redis.mjs'
import { startPrivateRedis } from '../scripts/lib/private-redis.mjs'
import { runScript, stopSignal } from '../scripts/lib/script.mjs'
import { note, step } from '../scripts/lib/step.mjs'
import { ElectorGroup } from './failover/elector-group.mjs'
import { LeaseholdGroup } from './failover/leasehold-group.mjs'
import { readOptions } from './failover/options.mjs'
import { randomFrom } from './failover/random.mjs'
import { reportLines, writeJson } from './failover/report.mjs'
import { Samples } from './failover/samples.mjs'
import { quantile } from './shared/quantile.mjs'

const INSTANCES = 3

/**
 * Does each case as often as it asks for, all in turns, so that whatever disturbs the machine disturbs all alike. Ctrl-C ends
 * it after the round that is under way; what was measured until then is reported.
 */
async function inTurns(cases, { random, stopped, loads }, say) {
  const rounds = Math.max(0, ...cases.map(({ times }) => times))
  for (let round = 0; round < rounds && !stopped.aborted; round++) {
    for (const { group, how, times, samples } of cases) {
      const isDue = Math.floor(((round + 1) * times) / rounds) > Math.floor((round * times) / rounds)
      if (isDue && !samples.skipped) samples.add(await group.fail(how, random))
    }
    loads.push(loadavg()[0])
    say(`${round + 1} of ${rounds} rounds`)
  }
}

function caseOf(group, times, failure, how = failure) {
  return { group, times, how, samples: new Samples(group.name, failure) }
}

async function withGroups(groups, work) {
  try {
    await step(`start ${groups.length} groups of ${INSTANCES} processes`, () =>
      Promise.all(groups.map((group) => group.start(INSTANCES))),
    )
    return await work()
  } finally {
    await Promise.all(groups.map((group) => group.stop()))
  }
}

/** Those that fail and are told so: in turns with the others. */
async function measureFailures({ kills, stops, switchovers }, redisUrl, turns) {
  const ours = new LeaseholdGroup({ redisUrl, group: 'bench' })
  const others = ['redlock', 'safe-redis-leader'].map((name) => new ElectorGroup(name, redisUrl))
  const all = [ours, ...others]
  const cases = [
    ...all.map((group) => caseOf(group, kills, 'kill -9', 'kill')),
    ...all.map((group) => caseOf(group, stops, 'stop (SIGTERM)', 'stop')),
    caseOf(ours, switchovers, 'switchover'),
  ]
  await withGroups(all, () => step('fail', (say) => inTurns(cases, turns, say)))
  return cases.map(({ samples }) => samples)
}

/** A leader that stands still: nothing but the end of its lease tells. */
async function measureHangs({ hangs }, redisUrl, turns) {
  if (hangs === 0) return []
  const cases = [1000, undefined].map((leaseTtlMs) => {
    const group = new LeaseholdGroup({ redisUrl, group: `bench-${leaseTtlMs ?? 'default'}`, leaseTtlMs })
    return caseOf(group, hangs, `hang (SIGSTOP), TTL ${leaseTtlMs ?? 5000}`, 'hang')
  })
  const groups = cases.map(({ group }) => group)
  await withGroups(groups, () => step('hang', (say) => inTurns(cases, turns, say)))
  return cases.map(({ samples }) => samples)
}

await runScript(async (args) => {
  const options = readOptions(args)
  const command = ['npm run bench -- failover', ...args].join(' ')
  const startedAt = new Date().toISOString()
  const found = await findRedis({ needsBinary: true })
  const redis = await startPrivateRedis(found, { appendOnly: true })
  const turns = { random: randomFrom(options.seed), stopped: stopSignal(), loads: [loadavg()[0]] }
  try {
    const samples = [
      ...(await measureFailures(options, redis.url, turns)),
      ...(await measureHangs(options, redis.url, turns)),
    ]
    const machine = {
      cpus: cpus().length,
      cpu: cpus()[0].model.trim(),
      node: process.version,
      redis: found.description.split(',')[0],
      load: { p50: quantile(turns.loads, 0.5), max: quantile(turns.loads, 1) },
    }
    reportLines({ machine, samples, command }).forEach(note)
    if (options.json) writeJson(options.json, { machine, samples, command, options, startedAt })
    return samples.some(({ invalid }) => invalid.length > 0) ? 1 : 0
  } finally {
    await redis.stop()
  }
})

import { readFileSync } from 'node:fs'
import { quantile } from '../shared/quantile.mjs'

/** CPU time of a process, in microseconds, as the system counts it. */
export function cpuUsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** Writes a second until the last follower has applied the last of them, and what each process spends on one. */
export async function throughput(group, redis, { writes, outstanding }) {
  const before = cpuUsOf(redis.pid)
  const { leader, seen } = await group.run({ writes, outstanding })
  const redisUs = cpuUsOf(redis.pid) - before
  const lastUs = Math.max(...seen.map((follower) => follower.lastUs))
  return {
    writesPerSecond: writes / ((lastUs - leader.startedUs) / 1e6),
    redisUs: redisUs / writes,
    leaderUs: leader.cpuUs / writes,
    followerUs: quantile(
      seen.map(({ cpuUs }) => cpuUs / writes),
      0.5,
    ),
  }
}

/** In ms, from the call until the slowest follower has applied the entry. */
export async function latency(group, load) {
  const { seen } = await group.run(load)
  const slowest = seen[0].latenciesUs.map(
    (_, at) => Math.max(...seen.map(({ latenciesUs }) => latenciesUs[at])) / 1000,
  )
  return { p50Ms: quantile(slowest, 0.5), p99Ms: quantile(slowest, 0.99) }
}

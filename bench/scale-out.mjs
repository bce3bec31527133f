/**
 * What a write costs Redis and the leader with more and more followers, in microseconds of CPU, and the formula for where one
 * Redis ends: a line through the smaller groups, held against the larger ones. Followers share two processes, and each portion
 * of writes is sent when all have the one before, so that a machine with few cores can have many. Options: --followers
 * 1,2,4,8,16,32, --portions N (of 4096 writes), --rounds N, --json FILE.
 */
import { step } from '../scripts/lib/step.mjs'
import { cpuUsOf } from './fanout/measures.mjs'
import { lineThrough } from './scale-out/line.mjs'
import { withMembers } from './shared/member.mjs'
import { runBench } from './shared/run-bench.mjs'
import { inTurns, resultsOf } from './shared/turns.mjs'

const PORTION = { writes: 4096, outstanding: 256 }
const WARM_UP = 4
const HOSTS = 2
/** The line goes through groups up to this size. */
const LARGEST_FITTED = 8
const programOf = (name) => new URL(name, import.meta.url)

function sampleOf(followers, portions, redis) {
  return withMembers(async (start) => {
    const common = { scheme: 'leasehold', redis: redis.url, group: `scale-${followers}-${Date.now()}` }
    const leader = await start(programOf('fanout/process.mjs'), { ...common, role: 'leader', name: 'leader' })
    const names = Array.from({ length: followers }, (_, at) => `follower-${at}`)
    const shares = Array.from({ length: Math.min(HOSTS, followers) }, (_, host) =>
      names.filter((_, at) => at % HOSTS === host),
    )
    const hosts = await Promise.all(
      shares.map((share, at) =>
        start(programOf('scale-out/host.mjs'), { ...common, name: `host-${at}`, names: share }),
      ),
    )
    const send = async (count) => {
      let leaderUs = 0
      for (let portion = 0; portion < count; portion++) {
        const applied = await Promise.all(hosts.map((host) => host.begin('expect', PORTION)))
        leaderUs += (await leader.call('write', PORTION)).cpuUs
        await Promise.all(applied.map(({ reply }) => reply))
      }
      return leaderUs
    }
    await send(WARM_UP)
    const before = cpuUsOf(redis.pid)
    const leaderUs = await send(portions)
    const writes = portions * PORTION.writes
    return { redisUs: (cpuUsOf(redis.pid) - before) / writes, leaderUs: leaderUs / writes }
  })
}

function formulaOf(results, figure) {
  const points = results
    .filter(({ followers }) => followers <= LARGEST_FITTED)
    .map(({ followers, figures }) => ({ x: followers, y: figures[figure] }))
  return lineThrough(points)
}

await runBench({
  name: 'scale-out',
  defaults: { followers: '1,2,4,8,16,32', portions: 16, rounds: 3 },
  async measure({ options: { followers, portions, rounds }, redis }) {
    const sizes = followers.split(',').map(Number)
    const schemes = Object.fromEntries(
      sizes.map((count) => [`${count} followers`, () => sampleOf(count, portions, redis)]),
    )
    const samples = await step('groups', (say) => inTurns(schemes, rounds, say))
    const results = resultsOf(samples).map((result, at) => ({ ...result, followers: sizes[at] }))
    const { fixed, each, at } = formulaOf(results, 'redisUs')
    const endsAt = (count) => 1e6 / at(count)
    const figures = { fixedUs: fixed, perFollowerUs: each, endsAt4: endsAt(4), endsAt32: endsAt(32) }
    return [...results, { name: 'one Redis, writes a second', figures }]
  },
  targetsOf: (results) => {
    const groups = results.filter(({ followers }) => followers)
    return groups
      .filter(({ followers }) => followers > LARGEST_FITTED)
      .flatMap(({ followers, figures }) =>
        ['redisUs', 'leaderUs'].map((figure) => ({
          what: `F=${followers}, ${figure}, of what the line through up to ${LARGEST_FITTED} followers says`,
          ratio: figures[figure] / formulaOf(groups, figure).at(followers),
          atMost: 1.25,
        })),
      )
  },
})

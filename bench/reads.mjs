/**
 * Reads on a follower. Over HTTP: local ones behind `consistentReads`, by a client that says what it has seen, beside the
 * same handler in an app without us. In the process: linearizable ones of many callers at a time, beside a round trip to
 * Redis for each of them. Options: --requests N, --reads N, --rounds N, --json FILE.
 */
import { step } from '../scripts/lib/step.mjs'
import { HTTP_CLIENT, sampleHttp } from './shared/http-sample.mjs'
import { withMembers } from './shared/member.mjs'
import { runBench } from './shared/run-bench.mjs'
import { inTurns, resultsOf, ratioOf } from './shared/turns.mjs'

const LEADER = new URL('reads/leader.mjs', import.meta.url)
const FOLLOWER = new URL('reads/follower.mjs', import.meta.url)
const AT_A_TIME = 64
const PATH = '/values/key-7'
const APPS = ['bare', 'consistentReads', 'routeWrites and consistentReads']
const WAYS = ['node.readAt', 'a round trip each']

/**
 * Each sample has a process of its own: in one that serves several apps the engine has to tell their objects apart at every
 * step, which costs each of them more than it would cost alone.
 */
function sampleOfApp(app, node, requests) {
  return withMembers(async (start) => {
    const follower = await start(FOLLOWER, { name: 'follower', app, node })
    const client = await start(HTTP_CLIENT, { name: 'client' })
    const request = { method: 'GET', path: PATH, headers: { cookie: await follower.call('cookie') } }
    const load = { port: await follower.call('port'), request, connections: AT_A_TIME }
    await sampleHttp(client, follower, { ...load, requests: Math.round(requests / 3) }) // until the code is compiled
    return sampleHttp(client, follower, { ...load, requests })
  })
}

function sampleOfWay(way, node, reads) {
  return withMembers(async (start) => {
    const follower = await start(FOLLOWER, { name: 'follower', node })
    await follower.call('read', { way, reads: Math.round(reads / 3), callers: AT_A_TIME })
    return follower.call('read', { way, reads, callers: AT_A_TIME })
  })
}

/** Schemes for `inTurns`. */
const byName = (names, sampleOf) => Object.fromEntries(names.map((name) => [name, () => sampleOf(name)]))

await runBench({
  name: 'reads',
  defaults: { requests: 20_000, reads: 200_000, rounds: 9 },
  measure: ({ options: { requests, reads, rounds }, redis }) =>
    withMembers(async (start) => {
      const node = { group: `bench-reads-${Date.now()}`, redis: redis.url }
      await start(LEADER, { name: 'leader', node })
      const apps = byName(APPS, (app) => sampleOfApp(app, node, requests))
      const ways = byName(WAYS, (way) => sampleOfWay(way, node, reads))
      const samples = {
        ...(await step(`${requests} requests each`, (say) => inTurns(apps, rounds, say))),
        ...(await step(`${reads} linearizable reads each`, (say) => inTurns(ways, rounds, say))),
      }
      return resultsOf(samples)
    }),
  targetsOf: ([bare, ours, , readAt, each]) => [
    {
      what: 'local reads a second, of the bare route',
      ratio: ratioOf(ours.samples, bare.samples, 'requestsPerSecond'),
      atLeast: 0.95,
    },
    {
      what: 'CPU of the bare route for a local read, of ours',
      ratio: ratioOf(bare.samples, ours.samples, 'cpuUs'),
      atLeast: 0.95,
    },
    {
      what: 'linearizable reads a second, of a round trip each',
      ratio: ratioOf(readAt.samples, each.samples, 'readsPerSecond'),
      atLeast: 10,
    },
  ],
})

/**
 * Writes over HTTP that arrive at a follower, which forwards them to the leader, beside two proxies in front of the same
 * leader: http-proxy-middleware, and undici alone. Options: --requests N, --rounds N, --json FILE.
 */
import { step } from '../scripts/lib/step.mjs'
import { HTTP_CLIENT, sampleHttp } from './shared/http-sample.mjs'
import { withMembers } from './shared/member.mjs'
import { runBench } from './shared/run-bench.mjs'
import { inTurns, resultsOf, ratioOf } from './shared/turns.mjs'

const INSTANCE = new URL('forward/instance.mjs', import.meta.url)
const PROXIES = {
  'http-proxy-middleware': new URL('forward/http-proxy-middleware.mjs', import.meta.url),
  undici: new URL('forward/undici.mjs', import.meta.url),
}
const CONNECTIONS = 64
const REQUEST = {
  method: 'PUT',
  path: '/values/key-7',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ value: 'x'.repeat(100) }),
}

/**
 * What stands in front of the leader, each in a process of its own. The follower is one of the group all the time, so that
 * the leader does the same work for all; what it applies itself counts as its CPU time.
 */
async function startAll(start, redis) {
  const node = { group: `bench-forward-${Date.now()}`, redis: redis.url }
  const leader = await start(INSTANCE, { name: 'leader', node })
  const leaderUrl = `http://127.0.0.1:${await leader.call('port')}`
  const fronts = { Leasehold: await start(INSTANCE, { name: 'follower', node }) }
  for (const [name, program] of Object.entries(PROXIES))
    fronts[name] = await start(program, { name, leaderUrl })
  return { leader, fronts, client: await start(HTTP_CLIENT, { name: 'client' }) }
}

async function sampleOf(front, leader, client, requests) {
  const load = { port: await front.call('port'), request: REQUEST, requests, connections: CONNECTIONS }
  const beforeUs = await leader.call('cpuUs')
  const sample = await sampleHttp(client, front, load)
  return { ...sample, leaderUs: ((await leader.call('cpuUs')) - beforeUs) / requests }
}

await runBench({
  name: 'forward',
  defaults: { requests: 10_000, rounds: 9 },
  measure: ({ options: { requests, rounds }, redis }) =>
    withMembers(async (start) => {
      const { leader, fronts, client } = await startAll(start, redis)
      const schemes = Object.fromEntries(
        Object.entries(fronts).map(([name, front]) => [
          name,
          () => sampleOf(front, leader, client, requests),
        ]),
      )
      await inTurns(schemes, 1, () => {}) // until the code is compiled
      const samples = await step(`${requests} writes each`, (say) => inTurns(schemes, rounds, say))
      return resultsOf(samples)
    }),
  targetsOf: ([ours, middleware, undici]) => [
    {
      what: 'forwarded writes a second, of http-proxy-middleware',
      ratio: ratioOf(ours.samples, middleware.samples, 'requestsPerSecond'),
      atLeast: 1.2,
    },
    {
      what: 'forwarded writes a second, of undici alone',
      ratio: ratioOf(ours.samples, undici.samples, 'requestsPerSecond'),
      atLeast: 0.8,
    },
  ],
})

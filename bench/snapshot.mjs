/**
 * For how long event loops stand still at the longest, and work at that, in ms, while a follower takes a snapshot of a large
 * state, while a newcomer loads it, and while neither happens; under a load so light that no other snapshot falls due. And
 * for how long the follower's replica stands still. Options: --megabytes N, --perSecond N (writes of the load), --rounds N,
 * --json FILE.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { step } from '../scripts/lib/step.mjs'
import { Group } from './snapshot/group.mjs'
import { runBench } from './shared/run-bench.mjs'
import { inTurns, resultsOf } from './shared/turns.mjs'

const LOOP_MS = 20
/** As long as a snapshot of 100 MB takes, about. */
const QUIET_MS = 5000
/** The load goes on for so long before anything is measured: what filled the state leaves garbage. */
const SETTLE_MS = 2000

/** What these instances, by name, saw of some work under load. */
async function watched(members, { leader }, perSecond, work) {
  const all = Object.entries(members)
  await leader.call('load', { perSecond })
  await sleep(SETTLE_MS)
  await Promise.all(all.map(([, member]) => member.call('watch')))
  const figures = await work()
  const seen = await Promise.all(all.map(([, member]) => member.call('seen')))
  await leader.call('endLoad')
  const loops = all.flatMap(([name], at) => [
    [`${name}Ms`, seen[at].stoppedMs],
    [`${name}WorkMs`, seen[at].workedMs],
  ])
  return { ...Object.fromEntries(loops), ...figures, followerPauseMs: seen[1].pauseMs }
}

async function takenSample(group, perSecond) {
  const { leader, follower } = group
  await group.approachSnapshot(2 * perSecond * (SETTLE_MS / 1000))
  return watched({ leader, follower }, group, perSecond, async () => {
    const { bytes } = await group.nextSnapshot()
    return { megabytes: bytes / 1e6 }
  })
}

async function loadedSample(group, perSecond) {
  const newcomer = await group.newcomer()
  try {
    const { leader, follower } = group
    return await watched({ leader, follower, newcomer }, group, perSecond, async () => {
      const startedMs = performance.now()
      await newcomer.call('start')
      return { seconds: (performance.now() - startedMs) / 1000 }
    })
  } finally {
    await newcomer.stop()
  }
}

async function quietSample(group, perSecond) {
  const { leader, follower } = group
  return watched({ leader, follower }, group, perSecond, () => sleep(QUIET_MS))
}

const worst = ({ samples }) => Math.max(...samples.map(({ leaderWorkMs }) => leaderWorkMs))

await runBench({
  name: 'snapshot',
  defaults: { megabytes: 100, perSecond: 200, rounds: 5 },
  measure: ({ options: { megabytes, perSecond, rounds }, redis }) =>
    Group.with(redis.url, megabytes, async (group) => {
      await step(`a state of ${megabytes} MB`, () => group.fill())
      const schemes = {
        'a snapshot is taken': () => takenSample(group, perSecond),
        'a snapshot is loaded': () => loadedSample(group, perSecond),
        neither: () => quietSample(group, perSecond),
      }
      const samples = await step(`${perSecond} writes a second meanwhile`, (say) =>
        inTurns(schemes, rounds, say),
      )
      return resultsOf(samples)
    }),
  targetsOf: (results) =>
    results.slice(0, 2).map((result) => ({
      ...{
        what: `longest work that stops the leader's loop in all rounds while ${result.name}, of ${LOOP_MS} ms`,
      },
      ...{ ratio: worst(result) / LOOP_MS, atMost: 1 },
    })),
})

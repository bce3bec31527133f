import { eventually } from '../../../support/deadline.js'
import type { Row } from '../row.js'
import type { Stage } from '../stage.js'
import { deleteJobs } from './jobs.js'
import { breakConnection, cutOff } from './network.js'
import { block, killLeader, pauseLeader } from './processes.js'
import { restartRedis } from './redis.js'

type Fault = (stage: Stage) => Promise<unknown>

/** What may happen to an instance. */
const TO_INSTANCES: Readonly<Record<string, Fault>> = {
  'the leader is killed': killLeader,
  'the leader stands still': (stage) => pauseLeader(stage, stage.draw.between(0.3, 2) * stage.ttlMs),
  'the leader is blocked': async (stage) => block(await stage.leader(), stage.draw.between(100, 1500)),
  'the leader is cut off': async (stage) =>
    cutOff(stage, await stage.leader(), stage.draw.between(0.3, 2) * stage.ttlMs),
  'a follower is cut off': async (stage) => {
    const [follower] = await stage.followers()
    if (follower) await cutOff(stage, follower, stage.draw.between(0.3, 2) * stage.ttlMs)
  },
  'a follower is replaced': async (stage) => {
    const [follower] = await stage.followers()
    await follower?.instance.kill9()
    await stage.add()
  },
  'a reply is lost': (stage) => breakConnection(stage, 'the reply to an append is lost'),
}

/** What may happen around them at the same time. */
const AROUND: Readonly<Record<string, Fault>> = {
  nothing: async () => {},
  'Redis is restarted': restartRedis,
  'Redis stands still': async (stage) => {
    await stage.redis.pause()
    await stage.draw.moment(100, 1500)
    stage.redis.resume()
  },
  'the jobs are deleted': deleteJobs,
  'all connections are reset': async (stage) => {
    for (const { log } of stage.actors) log.reset()
  },
  'the network is slow': async (stage) => {
    for (const { log } of stage.actors) log.delay(stage.draw.between(5, 40))
    await stage.draw.moment(300, 1000)
    for (const { log } of stage.actors) log.delay(0)
  },
}

const mixed: Row = {
  id: 'R18',
  fault: 'anything that loses nothing, two at a time, and then none',
  async inject(stage) {
    const { elections } = stage
    let faults = 0
    // A leader's end is always among them.
    const chosen = [
      killLeader,
      ...Array.from({ length: 4 }, () => stage.draw.pick(Object.values(TO_INSTANCES))),
    ]
    for (const one of stage.draw.shuffled(chosen)) {
      const other = stage.draw.pick(Object.values(AROUND))
      const around = stage.draw.moment(0, 200).then(() => other(stage))
      await Promise.all([one(stage), around])
      faults += 2
      await stage.draw.moment()
    }
    stage.heal()
    await eventually(() => stage.leader(), { message: 'a leader' })
    return { bit: { faults, 'terms begun': stage.elections - elections } }
  },
}

/** Rows that are made of others. */
export const mixedRows: readonly Row[] = [mixed]

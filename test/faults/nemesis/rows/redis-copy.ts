import { eventually } from '../../../support/deadline.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { startProxy, type TcpProxy } from '../../../support/tcp-proxy.js'
import type { Row } from '../row.js'
import type { Stage, StageOptions } from '../stage.js'
import { headOf } from './redis.js'

/** Nothing on a disk; what was acknowledged, one more instance has. */
const withCopy = (): StageOptions => ({
  redis: { appendOnly: 'no', args: ['--repl-diskless-sync-delay', '0'] },
  writeConcern: '1',
})

/** A copy of the log's Redis, and what it gets that by. */
async function startCopy({ redis }: Stage): Promise<{ copy: RedisServer; link: TcpProxy }> {
  const link = await startProxy({ targetPort: redis.port })
  const copy = await startRedis({ args: ['--replicaof', '127.0.0.1', String(link.port)] })
  const isLinked = async () =>
    String(await copy.command('INFO', 'replication')).includes('master_link_status:up')
  await eventually(isLinked, { message: 'the copy to be one' })
  return { copy, link }
}

const failover: Row = {
  id: 'R8',
  fault: 'Redis fails over to a copy that lacks the last writes, while the leader stands still',
  stage: withCopy,
  async inject(stage) {
    const old = stage.redis
    const { copy, link } = await startCopy(stage)
    // It narrows the window in which only the old one has what is written, and does not close it.
    if (stage.draw.random() < 0.5)
      await old.command('CONFIG', 'SET', 'min-replicas-to-write', 1, 'min-replicas-max-lag', 10)
    await stage.goesOn()
    link.halfOpen()
    await stage.goesOn(100)
    await stage.draw.moment()

    const leader = await stage.leader()
    const { elections } = stage
    stage.avoid(leader)
    await leader.instance.pause()
    const [head, copied] = [await headOf(stage, old), await headOf(stage, copy)]
    await old.kill()
    await copy.command('REPLICAOF', 'NO', 'ONE')
    for (const { log } of stage.actors) log.target(copy.port)
    stage.redis = copy
    await stage.electionAfter(elections)
    const others = stage.elections - elections
    await stage.goesOn()
    leader.instance.resume()
    stage.welcome(leader)
    return {
      bit: { 'entries that the copy lacked': head - copied, 'leaders while one stood still': others },
      mayDiverge: true, // what the paused one had applied, and nobody else
    }
  },
}

const twoServers: Row = {
  id: 'R10',
  fault:
    'two Redis servers take writes: one with the leader, one with all others; then one is made a copy again',
  stage: withCopy,
  async inject(stage) {
    const old = stage.redis
    const { copy, link } = await startCopy(stage)
    await stage.goesOn()
    const leader = await stage.leader()
    const { id } = (await leader.instance.status()).instance
    const others = await stage.followers()
    const { elections } = stage
    const fromMs = performance.now()
    stage.avoid(leader)
    link.halfOpen()
    await copy.command('REPLICAOF', 'NO', 'ONE')
    stage.redis = copy
    for (const { log } of others) {
      log.target(copy.port)
      log.reset()
    }
    await stage.electionAfter(elections)
    await stage.goesOn(60)
    const leads = await Promise.all(stage.actors.map(({ instance }) => instance.leads()))
    const divided = await headOf(stage, old)
    await stage.draw.moment(0, 500)

    await old.command('REPLICAOF', '127.0.0.1', copy.port)
    leader.log.target(copy.port)
    leader.log.reset()
    const untilMs = performance.now()
    await eventually(async () => (await leader.instance.status()).group.term > 0, {
      message: 'it to be back',
    })
    const isTogether = async () => (await stage.leader()) !== undefined
    await eventually(isTogether, { message: 'one leader' })
    return {
      bit: {
        'leaders at once': leads.filter(Boolean).length - 1,
        'entries on the old one': divided,
        'leaders on the new one': stage.elections - elections,
      },
      apart: [{ id, fromMs, untilMs }],
      mayDiverge: true, // whatever the old one still took
    }
  },
}

/** Rows about a Redis that has a copy. */
export const copyRows: readonly Row[] = [failover, twoServers]

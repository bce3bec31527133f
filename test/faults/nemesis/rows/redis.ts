import { eventually } from '../../../support/deadline.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { startProxy } from '../../../support/tcp-proxy.js'
import { backUp } from '../../../retention/old-copy.js'
import type { Row } from '../row.js'
import type { Stage } from '../stage.js'

/** Kills Redis and starts it again after a while. */
export async function restartRedis(stage: Stage): Promise<void> {
  await stage.redis.kill()
  await stage.moment(0, 1000)
  await stage.redis.restart()
}

/** Where the log ends, by what its Redis says. */
export async function headOf(stage: Stage, redis: RedisServer): Promise<number> {
  return Number(await redis.command('HGET', stage.keys.meta, 'head'))
}

/** How often Redis has answered with this error since its start. */
export async function errorsOf(redis: RedisServer, code: string): Promise<number> {
  const stats = String(await redis.command('INFO', 'errorstats'))
  return Number(new RegExp(`^errorstat_${code}:count=(\\d+)`, 'm').exec(stats)?.[1] ?? 0)
}

const restarts: Row = {
  id: 'R6',
  fault: 'Redis is killed and started again, with what it has on its disk: nothing, or all',
  stage: (random) => ({
    redis: { appendOnly: (['no', 'everysec', 'always'] as const)[Math.floor(random() * 3)] ?? 'no' },
  }),
  async inject(stage) {
    const keepsNothing = stage.options.redis?.appendOnly === 'no'
    const bit: Record<string, number> = { restarts: 0, 'terms after them': 0 }
    for (let restart = 1; restart <= 3; restart++) {
      const { elections } = stage
      await restartRedis(stage)
      bit['restarts'] = restart
      await stage.electionAfter(elections)
      bit['terms after them'] = (bit['terms after them'] ?? 0) + 1
      await stage.goesOn()
      await stage.moment()
    }
    if (keepsNothing) bit['times the instances put all back'] = stage.warnings('LOG_RE_SEEDED')
    return { bit }
  },
}

const failover: Row = {
  id: 'R8',
  fault: 'Redis fails over to a copy that lacks the last writes, while the leader stands still',
  stage: () => ({
    redis: { appendOnly: 'no', args: ['--repl-diskless-sync-delay', '0'] },
    writeConcern: '1',
  }),
  async inject(stage) {
    const old = stage.redis
    const link = await startProxy({ targetPort: old.port })
    const copy = await startRedis({ args: ['--replicaof', '127.0.0.1', String(link.port)] })
    const isLinked = async () => String(await copy.command('INFO', 'replication')).includes('link_status:up')
    await eventually(isLinked, { message: 'the copy to be one' })
    // It narrows the window in which only the old one has what is written, and does not close it.
    if (stage.random() < 0.5)
      await old.command('CONFIG', 'SET', 'min-replicas-to-write', 1, 'min-replicas-max-lag', 10)
    await stage.goesOn()
    link.halfOpen()
    await stage.goesOn(100)
    await stage.moment()

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
    await link.close()
    await old.stop()
    return {
      bit: { 'entries that the copy lacked': head - copied, 'leaders while one stood still': others },
      mayDiverge: true, // what the paused one had applied, and nobody else
    }
  },
}

const losses: Row = {
  id: 'R9',
  fault: 'Redis is flushed, forgets its scripts, goes back to an old file',
  async inject(stage) {
    const bit = {
      'times flushed': 0,
      'scripts that were gone': 0,
      'entries that the old file lacked': 0,
    }
    const rollBack = await backUp(stage.redis)
    const faults = {
      async flush() {
        await stage.redis.wipe()
        bit['times flushed']++
      },
      async forgetScripts() {
        const before = await errorsOf(stage.redis, 'NOSCRIPT')
        await stage.redis.command('SCRIPT', 'FLUSH')
        await stage.goesOn()
        bit['scripts that were gone'] += (await errorsOf(stage.redis, 'NOSCRIPT')) - before
      },
      async rollBack() {
        const head = await headOf(stage, stage.redis)
        await rollBack()
        bit['entries that the old file lacked'] += head - (await headOf(stage, stage.redis))
      },
    }
    await stage.goesOn()
    for (const fault of stage.shuffled(Object.values(faults))) {
      await stage.moment()
      await fault()
      await stage.goesOn()
    }
    return { bit: { ...bit, 'times the instances put all back': stage.warnings('LOG_RE_SEEDED') } }
  },
}

const noMemory: Row = {
  id: 'R11',
  fault: 'Redis has no memory left for a while',
  async inject(stage) {
    const bit = { 'commands refused': 0 }
    for (let time = 1; time <= 2; time++) {
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', 1)
      const before = await errorsOf(stage.redis, 'OOM')
      await stage.moment(200, 2 * stage.ttlMs)
      bit['commands refused'] += (await errorsOf(stage.redis, 'OOM')) - before
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', 0)
      await stage.goesOn()
    }
    return { bit }
  },
}

/** Rows about what happens to the log's Redis. */
export const redisRows: readonly Row[] = [restarts, failover, losses, noMemory]

import type { RedisServer } from '../../../support/redis-server.js'
import { backUp } from '../../../retention/old-copy.js'
import type { Row } from '../row.js'
import type { Stage } from '../stage.js'

/** Kills Redis and starts it again after a while. */
export async function restartRedis(stage: Stage): Promise<void> {
  await stage.redis.kill()
  await stage.draw.moment(0, 1000)
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
  stage: (draw) => ({
    redis: { appendOnly: draw.pick(['no', 'everysec', 'always']) },
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
      await stage.draw.moment()
    }
    if (keepsNothing) bit['times the instances put all back'] = stage.warnings('LOG_RE_SEEDED')
    return { bit }
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
    for (const fault of stage.draw.shuffled(Object.values(faults))) {
      await stage.draw.moment()
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
      await stage.draw.moment(200, 2 * stage.ttlMs)
      bit['commands refused'] += (await errorsOf(stage.redis, 'OOM')) - before
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', 0)
      await stage.goesOn()
    }
    return { bit }
  },
}

/** Rows about what happens to the log's Redis. */
export const redisRows: readonly Row[] = [restarts, losses, noMemory]

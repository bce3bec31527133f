import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { eventually } from '../../../support/deadline.js'
import type { RedisServer } from '../../../support/redis-server.js'
import type { Bite, Row } from '../row.js'
import { IN_DIRECTORY, withShim } from '../shim.js'
import type { Stage } from '../stage.js'
import { errorsOf, headOf } from './redis.js'

/** The files that Redis appends to, how long they are, and how long they were when they were last synced. */
function filesOf({ dir }: RedisServer): { path: string; size: number; synced: number }[] {
  const synced = new Map<string, number>()
  for (const line of readFileSync(join(dir, IN_DIRECTORY.SYNCED), 'utf8').split('\n')) {
    const [, size = '0', path = ''] = /^(\d+) (.*)$/.exec(line) ?? []
    synced.set(basename(path), Number(size))
  }
  const folder = join(dir, 'appendonlydir')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.incr.aof'))
    .map((name) => ({ name, path: join(folder, name) }))
    .map(({ name, path }) => ({ path, size: statSync(path).size, synced: synced.get(name) ?? 0 }))
}

/** Bytes that a failure of the power would take. */
function unsynced(redis: RedisServer): number {
  return filesOf(redis).reduce((sum, { size, synced }) => sum + Math.max(0, size - synced), 0)
}

/** Cuts the files of a Redis that was killed back to what had been synced. */
function losePower(redis: RedisServer): number {
  const lost = unsynced(redis)
  for (const { path, size, synced } of filesOf(redis)) truncateSync(path, Math.min(size, synced))
  return lost
}

/** Redis and all instances go down at once, and come back. Whatever was synced is owed. */
async function allGoDown(stage: Stage): Promise<Bite> {
  const syncsAlways = stage.options.redis?.appendOnly === 'always'
  const { actors } = stage
  const pids = actors.map(({ instance }) => instance.pid)
  if (!syncsAlways)
    await eventually(() => unsynced(stage.redis) > 0, { intervalMs: 1, message: 'bytes to lose' })
  const synced = filesOf(stage.redis).reduce((sum, file) => sum + file.synced, 0)
  await Promise.all([stage.redis.kill(), ...actors.map(({ instance }) => instance.kill9())])
  const lost = losePower(stage.redis)
  await stage.redis.restart()
  const survivingIndex = await headOf(stage, stage.redis)
  const loss = { atMs: performance.now(), survivingIndex, pids }
  await Promise.all([stage.add(), stage.add(), stage.add()])
  if (syncsAlways) return { bit: { 'bytes synced': synced, 'instances that went down': pids.length } }
  return { bit: { 'bytes lost': lost, 'instances that went down': pids.length }, loss }
}

/** Redis alone goes down. What it lost the instances have. */
async function redisGoesDown(stage: Stage): Promise<Bite> {
  await eventually(() => unsynced(stage.redis) > 0, { intervalMs: 1, message: 'bytes to lose' })
  const { elections } = stage
  await stage.redis.kill()
  const lost = losePower(stage.redis)
  await stage.redis.restart()
  await stage.electionAfter(elections)
  return { bit: { 'bytes lost': lost, 'terms begun': stage.elections - elections } }
}

const powerLoss: Row = {
  id: 'R7',
  fault: 'the power fails: Redis keeps what it had synced; all instances go down with it, or none',
  needs: ['gcc'],
  stage: async (draw) => ({
    redis: await withShim('disk', { appendOnly: draw.random() < 0.4 ? 'always' : 'everysec' }),
  }),
  async inject(stage) {
    await stage.draw.moment(300, 1500)
    const isAlways = stage.options.redis?.appendOnly === 'always'
    return isAlways || stage.draw.random() < 0.5 ? allGoDown(stage) : redisGoesDown(stage)
  },
}

const fullDisk: Row = {
  id: 'R11d',
  fault: 'the disk of Redis is full for a while: it refuses writes, or exits',
  needs: ['gcc'],
  stage: async (draw) => ({
    redis: await withShim('disk', { appendOnly: draw.random() < 0.5 ? 'always' : 'everysec' }),
  }),
  async inject(stage) {
    const bit = { 'times it exited, or commands that it refused': 0 }
    const full = join(stage.redis.dir, IN_DIRECTORY.DISK_FULL)
    for (let time = 1; time <= 2; time++) {
      const { redis } = stage
      writeFileSync(full, '')
      if (stage.options.redis?.appendOnly === 'always')
        await eventually(() => !redis.running, { message: 'Redis to exit' })
      else
        await eventually(async () => (await errorsOf(redis, 'MISCONF')) > 0, { message: 'Redis to refuse' })
      bit['times it exited, or commands that it refused']++
      await stage.draw.moment(0, 2 * stage.ttlMs)
      rmSync(full)
      if (!redis.running) await redis.restart()
      else await redis.command('CONFIG', 'RESETSTAT')
      await stage.goesOn()
    }
    return { bit }
  },
}

/** Rows about the disk of the log's Redis. */
export const diskRows: readonly Row[] = [powerLoss, fullDisk]

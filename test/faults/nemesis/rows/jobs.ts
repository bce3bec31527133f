import { Queue } from 'bullmq'
import { eventually } from '../../../support/deadline.js'
import type { Row } from '../row.js'
import type { Stage } from '../stage.js'

/** Deletes all that BullMQ keeps for the group at the moment. Returns how many keys there were. */
export async function deleteJobs(stage: Stage): Promise<number> {
  const keys = (await stage.redis.command('KEYS', `${stage.keys.jobs}:*`)) as string[]
  return keys.length === 0 ? 0 : Number(await stage.redis.command('DEL', ...keys))
}

/** Adds a job that is a repeat, out of order, or of something that never was. */
async function addJob(stage: Stage, queue: Queue, head: number, term: number): Promise<void> {
  const to = stage.draw.pick([
    0,
    -1,
    0.5,
    1e9,
    null,
    'x',
    {},
    head,
    head,
    Math.floor(head * stage.draw.random()),
  ])
  await queue.add(
    'range',
    { term: stage.draw.pick([term, 0, term + 1]), to },
    { lifo: stage.draw.random() < 0.5 },
  )
}

const jobs: Row = {
  id: 'R14',
  fault: 'jobs are lost, repeated, out of order and absurd, and their queues are flushed',
  async inject(stage) {
    const bit = { 'keys deleted': 0, 'jobs added': 0, 'jobs taken': 0 }
    const statuses = await Promise.all(stage.actors.map(({ instance }) => instance.status()))
    const connection = { host: '127.0.0.1', port: stage.redis.port }
    const queues = statuses
      .filter(({ instance }) => instance.role === 'follower')
      .map(({ instance }) => new Queue(instance.id, { connection, prefix: stage.keys.jobs }))
    for (let n = 1; n <= 60; n++) {
      for (const queue of queues) {
        await addJob(stage, queue, statuses[0]?.group.head ?? 0, statuses[0]?.group.term ?? 0)
        bit['jobs added']++
      }
    }
    const waiting = async () => Promise.all(queues.map((queue) => queue.getWaitingCount()))
    await eventually(async () => (await waiting()).every((count) => count < 5), {
      message: 'the jobs to be taken',
    })
    bit['jobs taken'] = bit['jobs added'] - (await waiting()).reduce((sum, count) => sum + count, 0)
    const untilMs = performance.now() + stage.draw.between(800, 1600)
    while (performance.now() < untilMs) bit['keys deleted'] += await deleteJobs(stage)
    await Promise.all(queues.map((queue) => queue.close()))
    return { bit }
  },
}

/** Rows about BullMQ. */
export const jobRows: readonly Row[] = [jobs]

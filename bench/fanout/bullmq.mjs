import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { put } from './payload.mjs'

/** As users write it: for each write one job in the queue of each follower. */
export async function lead({ redis, group, followers }) {
  const connection = new Redis(redis, { maxRetriesPerRequest: null })
  const queues = followers.map((name) => new Queue(name, { connection, prefix: group }))
  const options = { removeOnComplete: true, removeOnFail: true }
  return {
    write: (args) => Promise.all(queues.map((queue) => queue.add('put', args, options))),
    async close() {
      await Promise.all(queues.map((queue) => queue.close()))
      connection.disconnect()
    },
  }
}

export async function follow({ redis, group, name }, applied) {
  const connection = new Redis(redis, { maxRetriesPerRequest: null })
  const state = {}
  const worker = new Worker(
    name,
    async ({ data }) => {
      put(state, data)
      applied(data)
    },
    { connection, prefix: group, concurrency: 1 },
  )
  await worker.waitUntilReady()
  return {
    async close() {
      await worker.close(true)
      connection.disconnect()
    },
  }
}

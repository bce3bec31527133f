import { setTimeout as sleep } from 'node:timers/promises'
import { createNode } from '@leasehold/core'
import { Book } from './book.js'
import { readSettings } from './settings.js'
import { keepTimetable } from './timetable.js'

const { redis, group, ttlMs, everyMs, jobMs } = readSettings(process.env)

const node = createNode({ group, redis, ...(ttlMs !== undefined && { lease: { ttlMs } }) })

const timetable = {
  everyMs,
  openBook: (term: number) => Book.open(redis, group, term),
  say: (what: string) => console.log(what),
  /** Stands for what takes its time somewhere else: a report, a statement to each customer, a call to a bank. */
  async job(tick: number) {
    await sleep(jobMs)
    return `by ${node.name} at ${new Date(tick * everyMs).toISOString()}`
  },
}

node.whileLeader((reign) => keepTimetable(timetable, reign))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void node.stop())
await node.start()
console.log(`started as ${node.name}`)

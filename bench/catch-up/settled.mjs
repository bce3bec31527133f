import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** Resolves when Redis does not rewrite its append-only file any more, which a log that grows fast has it do. */
export async function untilSettled(url) {
  const client = new Redis(url)
  try {
    while (/aof_rewrite_(in_progress|scheduled):1/.test(await client.info('persistence'))) await sleep(100)
  } finally {
    client.disconnect()
  }
}

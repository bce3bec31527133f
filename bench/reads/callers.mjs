import { Redis } from 'ioredis'
import { keysOf } from '../../packages/core/dist/esm/redis/keys.js'
import { atOnce } from '../shared/at-once.mjs'

const KEY = 'key-7'
const select = (state) => state[KEY]

/** Ways to make one linearizable read on a follower, by name. */
export function waysToRead(node, { redis, group }) {
  const client = new Redis(redis)
  const { meta } = keysOf(group)
  return {
    'node.readAt': () => node.readAt({ consistency: 'linearizable' }, select),
    /**
     * As one does it by hand: asks for the head of the log when the read is asked for, and reads when the replica has that.
     * On a connection of its own, which carries nothing else.
     */
    'a round trip each': async () => {
      const head = Number(await client.hget(meta, 'head'))
      if (node.position.index < head) throw new Error('nothing is written meanwhile')
      return node.read(select)
    },
    close: () => client.disconnect(),
  }
}

/** So many reads, by callers who each ask for the next as soon as they have one. */
export async function load(read, { reads, callers }) {
  const startedMs = performance.now()
  await atOnce(reads, callers, read)
  return { readsPerSecond: reads / ((performance.now() - startedMs) / 1000) }
}

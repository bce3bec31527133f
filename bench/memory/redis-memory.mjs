import { Redis } from 'ioredis'
import { keysOf } from '../../packages/core/dist/esm/redis/keys.js'

/** What a group takes in Redis. */
export class RedisMemory {
  #client
  #log

  constructor(url, group) {
    this.#client = new Redis(url)
    this.#log = keysOf(group).log
  }

  async sample() {
    const [memory, keys, entries] = await Promise.all([
      this.#client.info('memory'),
      this.#client.dbsize(),
      this.#client.xlen(this.#log),
    ])
    return { bytes: Number(/^used_memory:(\d+)/m.exec(memory)[1]), keys, entries }
  }

  stop() {
    this.#client.disconnect()
  }
}

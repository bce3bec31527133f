import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { systemClock } from '../../src/clock.js'
import { type ResolvedOptions, resolveOptions } from '../../src/options.js'
import type { Parts } from '../../src/parts.js'
import { createRedisParts } from '../../src/redis/redis-parts.js'
import { createMemoryParts } from '../../src/testing/memory-parts.js'
import { MemoryRedis } from '../../src/testing/memory-redis.js'
import { TestProcess } from '../../src/testing/test-process.js'
import { Wire } from '../../src/testing/wire.js'

/** A Redis, real or in memory, as the conformance suite uses it: what holds for one must hold for the other. */
export interface Server {
  /** The parts of another instance. */
  parts(name: string, ttlMs: number): { readonly parts: Parts; readonly options: ResolvedOptions }
  wipe(): Promise<void>
  /** It dies and starts again; what it had is kept only if it kept that. */
  restart(): Promise<void>
}

const TTL_MS = 1000

function optionsOf(redis: string, name: string, ttlMs: number): ResolvedOptions {
  return resolveOptions({ group: 'g', name, redis, lease: { ttlMs }, commandTimeoutMs: 1000 })
}

async function realServer(): Promise<Server> {
  const redis: RedisServer = await startRedis({ appendOnly: 'always' })
  return {
    parts(name, ttlMs) {
      const options = optionsOf(redis.url, name, ttlMs)
      const parts = createRedisParts({ options, replicates: true, warn: () => {}, clock: systemClock })
      return { parts, options }
    },
    wipe: () => redis.wipe(),
    async restart() {
      await redis.kill()
      await redis.restart()
    },
  }
}

async function memoryServer(): Promise<Server> {
  const redis = new MemoryRedis(systemClock)
  return {
    parts(name, ttlMs) {
      const options = optionsOf('redis://in.memory', name, ttlMs)
      const process = new TestProcess(systemClock)
      const wire = new Wire({ world: systemClock, process, redis, latency: [0, 1] })
      return { parts: createMemoryParts(options, wire), options }
    },
    wipe: async () => redis.wipe(),
    async restart() {
      redis.stop()
      redis.start()
    },
  }
}

/** Both, by name, for `describe.each`. */
export const servers: [string, () => Promise<Server>][] = [
  ['a real Redis', realServer],
  ['the Redis in memory', memoryServer],
]

/** Parts that are open and are closed after the test. */
export class OpenParts {
  readonly #open: Parts[] = []

  async of(server: Server, name: string, ttlMs = TTL_MS): Promise<Parts & { readonly id: string }> {
    const { parts, options } = server.parts(name, ttlMs)
    this.#open.push(parts)
    const { signal } = new AbortController()
    await parts.log.open(signal)
    await parts.leases.open(signal)
    return { ...parts, id: options.id }
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#open.splice(0).map(async ({ leases, log, transport }) => {
        await transport.close()
        await leases.close()
        await log.close()
      }),
    )
  }
}

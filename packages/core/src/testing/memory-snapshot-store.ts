import { type SnapshotHead, type SnapshotStore, UNNEEDED_TTL_S } from '../log/snapshot.js'
import type { MemoryClient } from './memory-client.js'
import type { MemoryRedis } from './memory-redis.js'

const HEAD = 'head'

/** Snapshots in a Redis in memory. */
export class MemorySnapshotStore implements SnapshotStore {
  readonly #client: MemoryClient

  constructor(client: MemoryClient) {
    this.#client = client
  }

  async writeChunk(id: string, number: number, chunk: Buffer): Promise<void> {
    await this.#write(id, String(number), chunk.toString('base64'))
  }

  async writeHead(head: SnapshotHead): Promise<void> {
    await this.#write(head.id, HEAD, JSON.stringify(head))
  }

  async readHead(id: string): Promise<SnapshotHead | undefined> {
    const text = await this.#read(id, HEAD)
    return text === undefined ? undefined : (JSON.parse(text) as SnapshotHead)
  }

  async readChunk(id: string, number: number): Promise<Buffer | undefined> {
    const text = await this.#read(id, String(number))
    return text === undefined ? undefined : Buffer.from(text, 'base64')
  }

  #write(id: string, field: string, text: string): Promise<void> {
    return this.#client.call('writeSnapshot', (redis) => {
      dropExpired(redis)
      const fields = redis.data.snapshots.get(id)?.fields ?? new Map<string, string>()
      fields.set(field, text)
      redis.data.snapshots.set(id, { fields, expiresMs: redis.timeMs + UNNEEDED_TTL_S * 1000 })
    })
  }

  #read(id: string, field: string): Promise<string | undefined> {
    return this.#client.call('readSnapshot', (redis) => {
      dropExpired(redis)
      const snapshot = redis.data.snapshots.get(id)
      if (snapshot) snapshot.expiresMs = Math.max(snapshot.expiresMs, redis.timeMs + UNNEEDED_TTL_S * 1000)
      return snapshot?.fields.get(field)
    })
  }
}

/** Whether all of a snapshot is there. */
export function isComplete(redis: MemoryRedis, { id, chunks }: SnapshotHead): boolean {
  dropExpired(redis)
  const fields = redis.data.snapshots.get(id)?.fields
  return fields?.size === chunks + 1 && fields.has(HEAD)
}

function dropExpired({ data, timeMs }: MemoryRedis): void {
  for (const [id, { expiresMs }] of data.snapshots) if (expiresMs <= timeMs) data.snapshots.delete(id)
}

import type { Redis } from 'ioredis'
import type { SnapshotHead, SnapshotStore } from '../log/snapshot.js'
import type { Keys } from './keys.js'

/** How long a snapshot that nobody switched in stays. */
const OFFERED_TTL_S = 600
const HEAD = 'head'

/** A snapshot as one hash: chunks by number, and the head. */
export class RedisSnapshotStore implements SnapshotStore {
  readonly #client: Redis
  readonly #keys: Keys

  constructor(client: Redis, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  async writeChunk(id: string, number: number, chunk: Buffer): Promise<void> {
    await this.#write(id, String(number), chunk)
  }

  async writeHead(head: SnapshotHead): Promise<void> {
    await this.#write(head.id, HEAD, JSON.stringify(head))
  }

  async readHead(id: string): Promise<SnapshotHead | undefined> {
    const text = await this.#client.hget(this.#keys.snapshot(id), HEAD)
    return text === null ? undefined : (JSON.parse(text) as SnapshotHead)
  }

  async readChunk(id: string, number: number): Promise<Buffer | undefined> {
    return (await this.#client.hgetBuffer(this.#keys.snapshot(id), String(number))) ?? undefined
  }

  /** Both at once: what was written without its expiry would stay for good if the writer died in between. */
  async #write(id: string, field: string, value: string | Buffer): Promise<void> {
    const key = this.#keys.snapshot(id)
    try {
      const replies = await this.#client.multi().hset(key, field, value).expire(key, OFFERED_TTL_S).exec()
      for (const [error] of replies ?? []) if (error) throw error
    } catch (error) {
      // EXECABORT does not say why; the command that was refused does.
      throw (error as { previousErrors?: readonly Error[] }).previousErrors?.[0] ?? error
    }
  }
}

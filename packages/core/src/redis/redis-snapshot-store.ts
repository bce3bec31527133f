import type { Redis } from 'ioredis'
import { type SnapshotHead, type SnapshotStore, UNNEEDED_TTL_S } from '../log/snapshot.js'
import type { Keys } from './keys.js'

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
    const key = this.#keys.snapshot(id)
    const [text] = await Promise.all([this.#client.hget(key, HEAD), this.#keep(key)])
    return text === null ? undefined : (JSON.parse(text) as SnapshotHead)
  }

  async readChunk(id: string, number: number): Promise<Buffer | undefined> {
    const key = this.#keys.snapshot(id)
    const [chunk] = await Promise.all([this.#client.hgetBuffer(key, String(number)), this.#keep(key)])
    return chunk ?? undefined
  }

  /** `GT` leaves one alone that does not expire. Where it cannot be put off, the snapshot is read for as long as it is there. */
  async #keep(key: string): Promise<void> {
    await this.#client.expire(key, UNNEEDED_TTL_S, 'GT').catch(() => {})
  }

  /** Both at once: what was written without its expiry would stay for good if the writer died in between. */
  async #write(id: string, field: string, value: string | Buffer): Promise<void> {
    const key = this.#keys.snapshot(id)
    try {
      const replies = await this.#client.multi().hset(key, field, value).expire(key, UNNEEDED_TTL_S).exec()
      for (const [error] of replies ?? []) if (error) throw error
    } catch (error) {
      // EXECABORT does not say why; the command that was refused does.
      throw (error as { previousErrors?: readonly Error[] }).previousErrors?.[0] ?? error
    }
  }
}

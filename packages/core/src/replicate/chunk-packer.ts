import { createHash } from 'node:crypto'
import { compress } from './compression.js'

/** Text in one chunk before it is compressed. */
const CHUNK_CHARACTERS = 512 * 1024

/** Packs the records of a snapshot into compressed chunks, each of whole lines, and keeps count of them. */
export class ChunkPacker {
  readonly #hash = createHash('sha256')
  #lines: string[] = []
  #characters = 0
  #chunks = 0
  #bytes = 0

  /** Takes a record in. True once there is enough for a chunk: then take it with `pack()`. */
  add(record: string): boolean {
    this.#lines.push(record)
    this.#characters += record.length
    return this.#characters >= CHUNK_CHARACTERS
  }

  /** The next chunk, of the records since the last one; undefined if there are none. */
  async pack(): Promise<Buffer | undefined> {
    if (this.#lines.length === 0) return undefined
    const text = `${this.#lines.join('\n')}\n`
    this.#lines = []
    this.#characters = 0
    const chunk = await compress(text)
    this.#hash.update(chunk)
    this.#chunks++
    this.#bytes += chunk.length
    return chunk
  }

  /** What a snapshot's head says of its chunks. Once only, when all are packed. */
  finish(): { chunks: number; bytes: number; sha256: string } {
    return { chunks: this.#chunks, bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }
}

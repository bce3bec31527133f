import type { PendingWrite } from './pending-writes.js'

/** What one append script takes at most. */
const MAX_BATCH_ENTRIES = 512
const MAX_BATCH_BYTES = 1024 * 1024

/** Writes that wait to be sent, in the order in which they were submitted. */
export class WriteQueue {
  #writes: PendingWrite[] = []
  #bytes = 0

  get length(): number {
    return this.#writes.length
  }

  /** Of all entries together. */
  get bytes(): number {
    return this.#bytes
  }

  add(write: PendingWrite): void {
    this.#writes.push(write)
    this.#bytes += write.bytes
  }

  /** What one append may carry, `most` entries if that is less; those that are not wanted any more are dropped. */
  takeBatch(most: number, isWanted: (write: PendingWrite) => boolean): PendingWrite[] {
    const batch: PendingWrite[] = []
    const limit = Math.min(most, MAX_BATCH_ENTRIES)
    let bytes = 0
    let taken = 0
    for (const write of this.#writes) {
      if (batch.length === limit || (batch.length > 0 && bytes + write.bytes > MAX_BATCH_BYTES)) break
      taken++
      this.#bytes -= write.bytes
      if (!isWanted(write)) continue
      batch.push(write)
      bytes += write.bytes
    }
    this.#writes = this.#writes.slice(taken)
    return batch
  }

  /** Puts back what was sent and is not in the log, to where it stood. */
  putBack(writes: readonly PendingWrite[]): void {
    this.#writes = [...writes, ...this.#writes].sort((a, b) => a.order - b.order)
    for (const write of writes) {
      write.sent = false
      this.#bytes += write.bytes
    }
  }

  /** Everything that waits; nothing does from now on. */
  takeAll(): PendingWrite[] {
    const all = this.#writes
    this.#writes = []
    this.#bytes = 0
    return all
  }
}

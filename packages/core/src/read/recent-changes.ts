import type { AnyChange } from './changes.js'

/** How many of the last changes are kept for those who listen, together. */
const RECENT_CHANGES = 1024
/** And of how much JSON. */
const RECENT_BYTES = 4 * 1024 * 1024

interface Kept {
  /** Undefined for an entry that changed nothing. */
  readonly change: AnyChange | undefined
  readonly bytes: number
}

/** The last changes without a gap, by index. A reader that is further behind reads the log. */
export class RecentChanges {
  /** A ring: an index has its place for good. */
  readonly #kept: (Kept | undefined)[] = []
  #first = 1
  #next = 1
  #bytes = 0

  /** Forgets everything; the next one is that of the entry behind `index`. */
  restart(index: number): void {
    this.#kept.length = 0
    this.#first = index + 1
    this.#next = index + 1
    this.#bytes = 0
  }

  /** Adds what the next entry came to, and drops the oldest ones where that is too much. */
  add(change: AnyChange | undefined, bytes: number): void {
    if (this.#next - this.#first === RECENT_CHANGES) this.#drop()
    this.#kept[this.#next++ % RECENT_CHANGES] = { change, bytes }
    this.#bytes += bytes
    while (this.#bytes > RECENT_BYTES) this.#drop()
  }

  has(index: number): boolean {
    return index >= this.#first && index < this.#next
  }

  /** What the entry `index` came to; undefined for one that changed nothing, and for one that is not kept. */
  at(index: number): AnyChange | undefined {
    return this.has(index) ? this.#kept[index % RECENT_CHANGES]?.change : undefined
  }

  #drop(): void {
    const place = this.#first++ % RECENT_CHANGES
    this.#bytes -= this.#kept[place]?.bytes ?? 0
    this.#kept[place] = undefined
  }
}

import type { Clock } from '../clock.js'
import { type Path, pathOf } from '../log/snapshot.js'

/** How long the event loop is held at a time. */
export const SLICE_MS = 8

/** How long work on a state held the event loop at a stretch, and the record that took the longest of that. */
export interface Hold {
  readonly ms: number
  readonly path: Path
  /** Length of the record as text. */
  readonly characters: number
}

/** A path as people write it; at most about 100 characters. */
export function describePath(path: Path): string {
  const text = path.join('.')
  if (text === '') return 'the state itself'
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`
}

/** Lets long work on a state give way to everything else that the process does, and tells how long it did not. */
export class TimeSlice {
  readonly #clock: Clock
  #startedMs: number
  #lastMs: number
  #slowest: { readonly ms: number; readonly record: string } | undefined
  #longest: Hold = { ms: 0, path: [], characters: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedMs = clock.now()
    this.#lastMs = this.#startedMs
  }

  /** The longest time that the loop was held so far. */
  get longest(): Hold {
    return this.#longest
  }

  /** A piece of the work is done: `record`, or the one that most of it was. */
  did(record: string): void {
    const now = this.#clock.now()
    const ms = now - this.#lastMs
    if (!this.#slowest || ms > this.#slowest.ms) this.#slowest = { ms, record }
    this.#lastMs = now
    const heldMs = now - this.#startedMs
    if (heldMs <= this.#longest.ms) return
    const slowest = this.#slowest.record
    this.#longest = { ms: heldMs, path: pathOf(slowest), characters: slowest.length }
  }

  /** True once the loop has been held for long enough: then await `next()`. Asked often, so it is no promise itself. */
  get over(): boolean {
    return this.#lastMs - this.#startedMs > SLICE_MS
  }

  /** Lets others run. */
  async next(): Promise<void> {
    await this.#clock.sleep(0)
    this.begin()
  }

  /** The loop has been free just now, for another reason. */
  begin(): void {
    this.#startedMs = this.#clock.now()
    this.#lastMs = this.#startedMs
    this.#slowest = undefined
  }
}

import type { Clock } from '../clock.js'

/** How long the event loop is held at a time. */
const SLICE_MS = 8

/** Lets long work on a state give way to everything else that the process does. */
export class TimeSlice {
  readonly #clock: Clock
  #startedMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedMs = clock.now()
  }

  /** True once the loop has been held for long enough: then await `next()`. Asked often, so it is no promise itself. */
  get over(): boolean {
    return this.#clock.now() - this.#startedMs > SLICE_MS
  }

  /** Lets others run. */
  async next(): Promise<void> {
    await this.#clock.sleep(0)
    this.begin()
  }

  /** The loop has been free just now, for another reason. */
  begin(): void {
    this.#startedMs = this.#clock.now()
  }
}

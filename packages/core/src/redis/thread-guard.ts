import type { Clock } from '../clock.js'
import type { LeaseGuard } from '../elect/lease.js'

/** What both threads see, by its place: how often the main one has come round, and what has become of the lease. */
export const cells = { beats: 0, lease: 1 } as const
/** What may have become of it. Only one thread can take it from `held`. */
export const words = { held: 0, over: 1, givenBack: 2 } as const

/** The main thread's end of a watch: gives signs of life, and sees when they have stayed away for too long. */
export class ThreadGuard implements LeaseGuard {
  readonly #shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  readonly #clock: Clock
  readonly #beatMs: number
  readonly #gaveBack: (hungMs: number) => void
  readonly #stop: () => void
  #lastMs: number
  #cancelTimer: () => void
  #ended = false

  constructor(parts: {
    clock: Clock
    beatMs: number
    start: (shared: Int32Array) => () => void
    gaveBack: (hungMs: number) => void
  }) {
    this.#clock = parts.clock
    this.#beatMs = parts.beatMs
    this.#gaveBack = parts.gaveBack
    this.#lastMs = parts.clock.now()
    this.#stop = parts.start(this.#shared)
    this.#cancelTimer = parts.clock.timer(parts.beatMs, () => this.#beat())
  }

  get gaveBack(): boolean {
    return Atomics.load(this.#shared, cells.lease) === words.givenBack
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancelTimer()
    const was = Atomics.compareExchange(this.#shared, cells.lease, words.held, words.over)
    this.#stop()
    if (was === words.givenBack) this.#gaveBack(this.#clock.now() - this.#lastMs)
  }

  #beat(): void {
    if (this.gaveBack) return this.end()
    Atomics.add(this.#shared, cells.beats, 1)
    this.#lastMs = this.#clock.now()
    this.#cancelTimer = this.#clock.timer(this.#beatMs, () => this.#beat())
  }
}

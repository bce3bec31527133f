import { type Clock, sleepOn } from '../clock.js'

/**
 * The process that an instance of a test group runs in, as far as the instance can tell: its time, and what reaches it
 * from outside. It can stand still, as under SIGSTOP, and die, as under SIGKILL, while all others go on.
 */
export class TestProcess implements Clock {
  readonly #world: Clock
  readonly #died = new AbortController()
  readonly #cancels = new Set<() => void>()
  /** What has fallen due while it stood still. */
  readonly #missed: (() => void)[] = []
  #pause: { readonly hung: boolean } | undefined
  /** Called when the event loop begins to hang, with the time that goes on for other threads. */
  onHang: (world: Clock) => void = () => {}

  /** `world` has the time and the chance of the whole group. */
  constructor(world: Clock) {
    this.#world = world
  }

  /** Aborts when the process dies. */
  get died(): AbortSignal {
    return this.#died.signal
  }

  get dead(): boolean {
    return this.#died.signal.aborted
  }

  get paused(): boolean {
    return this.#pause !== undefined
  }

  /** True while only its event loop stands still: other threads go on. */
  get hung(): boolean {
    return this.#pause?.hung ?? false
  }

  now(): number {
    return this.#world.now()
  }

  random(): number {
    return this.#world.random()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  timer(ms: number, fn: () => void): () => void {
    if (this.dead) return () => {}
    let cancelled = false
    const cancelTimer = this.#world.timer(ms, () => {
      this.#cancels.delete(cancel)
      this.run(() => {
        if (!cancelled) fn()
      })
    })
    const cancel = () => {
      cancelled = true
      cancelTimer()
      this.#cancels.delete(cancel)
    }
    this.#cancels.add(cancel)
    return cancel
  }

  /** Something has come in, or fallen due: runs `fn` now, once the process goes on, or never. */
  run(fn: () => void): void {
    if (this.dead) return
    if (this.#pause) this.#missed.push(fn)
    else fn()
  }

  /** Stands still until `resume`; with `hung` its event loop alone. */
  pause(hung = false): void {
    if (this.#pause || this.dead) return
    this.#pause = { hung }
    if (hung) this.onHang(this.#world)
  }

  /** Goes on: everything that was missed runs, one after the other, in the order in which it fell due. */
  resume(): void {
    this.#pause = undefined
    for (const fn of this.#missed.splice(0)) this.#world.timer(0, () => this.run(fn))
  }

  /** Nothing of it runs ever again. */
  kill(): void {
    this.#pause = undefined
    for (const cancel of [...this.#cancels]) cancel()
    this.#missed.length = 0
    this.#died.abort()
  }
}

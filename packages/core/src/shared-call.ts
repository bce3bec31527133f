/**
 * Shares calls: whoever asks while one is under way gets the next, together with all others who ask until that begins. So
 * each gets one that began after it asked, and there is never more than one on the way.
 */
export class SharedCall<T> {
  readonly #call: () => Promise<T>
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<T> | undefined

  constructor(call: () => Promise<T>) {
    this.#call = call
  }

  /** The result of a call that begins after this one. */
  ask(): Promise<T> {
    return (this.#next ??= this.#begin())
  }

  async #begin(): Promise<T> {
    await this.#running
    this.#next = undefined
    const call = this.#call()
    this.#running = call.catch(() => {})
    return call
  }
}

/**
 * Shares looks at the log: whoever asks while one is under way gets the next, together with all others who ask until that
 * begins. So each gets one that began after it asked (G9), and there are never more than two on the way.
 */
export class SharedLook<T> {
  readonly #look: () => Promise<T>
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<T> | undefined

  constructor(look: () => Promise<T>) {
    this.#look = look
  }

  /** The result of a look that begins after this call. */
  ask(): Promise<T> {
    return (this.#next ??= this.#begin())
  }

  async #begin(): Promise<T> {
    await this.#running
    this.#next = undefined
    const look = this.#look()
    this.#running = look.catch(() => {})
    return look
  }
}

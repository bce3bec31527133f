/** Runs one piece of work after the other, in the order in which they were asked for, whatever becomes of each. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `work` when all before it has settled, and settles as it does. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }

  /** Resolves when all that was asked for so far has settled. */
  async settled(): Promise<void> {
    await this.#last
  }
}

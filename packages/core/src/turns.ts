/** Runs one piece of work after the other, in the order in which they were asked for, whatever becomes of each. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  /** Where looks take their turns while long work runs. */
  #beside: Turns | undefined

  /** Runs `work` when all before it has settled, and settles as it does. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }

  /** As `take`, for work that changes nothing, and takes long. What is asked for behind it waits for the looks beside it, too. */
  takeLong<T>(work: () => Promise<T>): Promise<T> {
    return this.take(async () => {
      const beside = new Turns()
      this.#beside = beside
      try {
        return await work()
      } finally {
        this.#beside = undefined
        await beside.#last
      }
    })
  }

  /** As `take`, for work that changes nothing either: it does not wait for long work that runs already. */
  look<T>(work: () => Promise<T>): Promise<T> {
    return (this.#beside ?? this).take(work)
  }
}

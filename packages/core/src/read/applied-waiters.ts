interface Waiter {
  readonly index: number
  readonly resolve: () => void
}

/** Wakes those who wait until the replica has applied an index. */
export class AppliedWaiters {
  #waiting: Waiter[] = []

  /** Resolves once `reached` was called with `index` or above. The caller looks first, and keeps the deadline. */
  until(index: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ index, resolve })
    })
  }

  /** The replica has applied up to `index`. */
  reached(index: number): void {
    if (this.#waiting.length === 0) return
    const due = this.#waiting.filter((waiter) => waiter.index <= index)
    if (due.length === 0) return
    this.#waiting = this.#waiting.filter((waiter) => waiter.index > index)
    for (const { resolve } of due) resolve()
  }

  /** Wakes everybody: they have to look for themselves whether it is still worth waiting. */
  wakeAll(): void {
    this.reached(Number.POSITIVE_INFINITY)
  }
}

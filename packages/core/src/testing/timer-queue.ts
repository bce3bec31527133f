/** Something to be done at a time. */
export interface Timer {
  readonly dueMs: number
  /** Which of all timers it is: of those of one moment the one that was set first comes first. */
  readonly number: number
  readonly fn: () => void
  cancelled: boolean
}

/**
 * Timers in the order in which they fall due: a heap, as thousands of them are set and cancelled in a virtual second. One
 * that is cancelled stays where it is until its time has come.
 */
export class TimerQueue {
  readonly #heap: Timer[] = []
  #made = 0
  #cancelled = 0

  /** Timers that are set. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  /** The one that falls due first. */
  get first(): Timer | undefined {
    while (this.#heap[0]?.cancelled) {
      this.#cancelled--
      this.#takeFirst()
    }
    return this.#heap[0]
  }

  /** Sets a timer; the returned function cancels it. */
  add(dueMs: number, fn: () => void): () => void {
    const timer = { dueMs, number: this.#made++, fn, cancelled: false }
    this.#raise(this.#heap.length, timer)
    return () => {
      if (timer.cancelled) return
      timer.cancelled = true
      this.#cancelled++
    }
  }

  /** Takes out the one that falls due first; from then on cancelling it does nothing. */
  take(): Timer | undefined {
    const timer = this.first
    if (!timer) return undefined
    this.#takeFirst()
    timer.cancelled = true
    return timer
  }

  #takeFirst(): void {
    const last = this.#heap.pop()
    if (last && this.#heap.length > 0) this.#sink(last)
  }

  /** Puts a timer at a free place, or further up. */
  #raise(at: number, timer: Timer): void {
    let place = at
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#heap[above]
      if (!parent || isBefore(parent, timer)) break
      this.#heap[place] = parent
      place = above
    }
    this.#heap[place] = timer
  }

  /** Puts a timer at the top, or further down. */
  #sink(timer: Timer): void {
    let place = 0
    for (;;) {
      const left = 2 * place + 1
      const right = this.#heap[left + 1]
      let child = this.#heap[left]
      let at = left
      if (child && right && isBefore(right, child)) {
        child = right
        at = left + 1
      }
      if (!child || isBefore(timer, child)) break
      this.#heap[place] = child
      place = at
    }
    this.#heap[place] = timer
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.number < b.number)
}

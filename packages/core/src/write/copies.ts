/** Where an instance stands: the last entry that it has applied. */
interface Applied {
  readonly term: number
  readonly index: number
}

interface Waiter {
  readonly index: number
  readonly needed: number
  readonly done: () => void
}

/**
 * Who has applied how much, for writes that wait until others have them. An acknowledgement counts by term and index on
 * the own history, never by index alone: an instance that is off it may have other entries there.
 */
export class Copies {
  readonly #isOnHistory: (at: Applied) => boolean
  readonly #others = new Map<string, Applied>()
  readonly #waiting = new Set<Waiter>()

  constructor(isOnHistory: (at: Applied) => boolean) {
    this.#isOnHistory = isOnHistory
  }

  /** Another instance says where it stands. */
  acknowledged(id: string, { term, index }: Applied): void {
    const before = this.#others.get(id)
    // What comes late says nothing new, but for an instance that was off and has begun anew.
    if (before && before.index >= index && this.#isOnHistory(before)) return
    this.#others.set(id, { term, index })
    for (const waiter of this.#waiting) if (this.count(waiter.index) >= waiter.needed) waiter.done()
  }

  /** Who has said so far where it stands. */
  get ids(): Iterable<string> {
    return this.#others.keys()
  }

  /** Forgets whoever is not in `ids`. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#others.keys()) if (!ids.has(id)) this.#others.delete(id)
  }

  /** How many others have applied the entry at `index`. */
  count(index: number): number {
    return [...this.#others.values()].filter((at) => at.index >= index && this.#isOnHistory(at)).length
  }

  /** Resolves once `needed` others have applied the entry at `index`, or when `signal` aborts: look then. */
  async until(needed: number, index: number, signal: AbortSignal): Promise<boolean> {
    if (this.count(index) < needed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          signal.removeEventListener('abort', done)
          this.#waiting.delete(waiter)
          resolve()
        }
        const waiter = { index, needed, done }
        this.#waiting.add(waiter)
        signal.addEventListener('abort', done, { once: true })
      })
    }
    return this.count(index) >= needed
  }
}

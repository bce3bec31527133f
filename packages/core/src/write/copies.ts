/** Where an instance stands, the last entry that it has applied; or an entry. */
interface Applied {
  readonly term: number
  readonly index: number
}

interface Waiter {
  readonly entry: Applied
  readonly needed: number
  readonly met: () => void
}

/**
 * Who has applied how much, for writes that wait until others have them. An acknowledgement counts by term and index on
 * the own history, never by index alone: an instance that is off it may have other entries there. So does the entry that is
 * waited for (G3): this instance may have had to give it up, and follow others that never had it.
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
    const isLate = before && before.index >= index && this.#isOnHistory(before)
    if (!isLate) this.#others.set(id, { term, index })
    this.look()
  }

  /**
   * Wakes those who waited for what is there by now. To be called when this instance has applied more: others may have
   * been ahead of it, and count from then on.
   */
  look(): void {
    for (const waiter of this.#waiting) if (this.count(waiter.entry) >= waiter.needed) waiter.met()
  }

  /** Who has said so far where it stands. */
  get ids(): Iterable<string> {
    return this.#others.keys()
  }

  /** Forgets whoever is not in `ids`. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#others.keys()) if (!ids.has(id)) this.#others.delete(id)
  }

  /** How many others have applied an entry; none, if that is not on the own history any more. */
  count(entry: Applied): number {
    if (!this.#isOnHistory(entry)) return 0
    return [...this.#others.values()].filter((at) => at.index >= entry.index && this.#isOnHistory(at)).length
  }

  /**
   * Resolves with true once `needed` others have applied an entry, or with false when `signal` aborts before. What has been
   * seen stays: in the next moment one of them may be ahead of this instance, and not count.
   */
  async until(needed: number, entry: Applied, signal: AbortSignal): Promise<boolean> {
    if (this.count(entry) >= needed) return true
    if (signal.aborted) return false
    return new Promise((resolve) => {
      const settle = (isMet: boolean) => {
        signal.removeEventListener('abort', late)
        this.#waiting.delete(waiter)
        resolve(isMet)
      }
      const late = () => settle(false)
      const waiter = { entry, needed, met: () => settle(true) }
      this.#waiting.add(waiter)
      signal.addEventListener('abort', late, { once: true })
    })
  }
}

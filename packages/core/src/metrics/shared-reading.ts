import type { Reading } from './family.js'
import type { MeasuredNode } from './registry.js'

type Metrics = MeasuredNode['metrics']

/** The readings of some nodes, shared by all metrics of a scrape, so that its numbers are of one moment and fit each other. */
export class SharedReading {
  /** How often each was added: the app may do so, and a router as well. */
  readonly #added = new Map<Metrics, number>()
  #now: Promise<Reading[]> | undefined

  get size(): number {
    return this.#added.size
  }

  add({ metrics }: MeasuredNode): void {
    this.#added.set(metrics, (this.#added.get(metrics) ?? 0) + 1)
  }

  /** Takes back one `add`. */
  remove({ metrics }: MeasuredNode): void {
    const times = this.#added.get(metrics) ?? 0
    if (times > 1) this.#added.set(metrics, times - 1)
    else this.#added.delete(metrics)
  }

  /** One reading of each node: that under way, or a new one. Never rejects, and takes as long as Redis may take at most. */
  now(): Promise<Reading[]> {
    return (this.#now ??= this.#read().finally(() => {
      this.#now = undefined
    }))
  }

  #read(): Promise<Reading[]> {
    return Promise.all(
      [...this.#added.keys()].map(async (metrics) => {
        const queuedJobs = await metrics.queuedJobs()
        return { ...metrics.read(), queuedJobs } // read last, when nothing is waited for any more
      }),
    )
  }
}

import type { Reading } from './family.js'
import type { MeasuredNode } from './registry.js'

/** The readings of some nodes, shared by all metrics of a scrape, so that its numbers are of one moment and fit each other. */
export class SharedReading {
  readonly #nodes = new Set<MeasuredNode>()
  #now: Promise<Reading[]> | undefined

  get size(): number {
    return this.#nodes.size
  }

  add(node: MeasuredNode): void {
    this.#nodes.add(node)
  }

  /** False if it was not there. */
  remove(node: MeasuredNode): boolean {
    return this.#nodes.delete(node)
  }

  /** One reading of each node: that under way, or a new one. Never rejects, and takes as long as Redis may take at most. */
  now(): Promise<Reading[]> {
    return (this.#now ??= this.#read().finally(() => {
      this.#now = undefined
    }))
  }

  #read(): Promise<Reading[]> {
    return Promise.all(
      [...this.#nodes].map(async ({ metrics }) => {
        const queuedJobs = await metrics.queuedJobs()
        return { ...metrics.read(), queuedJobs } // read last, when nothing is waited for any more
      }),
    )
  }
}

import { quantile } from '../shared/quantile.mjs'

/** What is measured of a failure, in the order in which it is shown. */
export const MEASURES = {
  electedMs: "to another's `elected`",
  writtenMs: 'to the first acknowledged write',
  pausedMs: 'longest wait between two acknowledged writes',
}

/** The samples of one kind of failure in one kind of group. */
export class Samples {
  #ms = new Map()
  #invalid = []
  #skipped
  #refused = 0

  constructor(group, failure) {
    this.group = group
    this.failure = failure
  }

  /** True once it turned out that there is nothing to measure. */
  get skipped() {
    return this.#skipped
  }

  /** Of repetitions that do not count: nobody else led afterwards. */
  get invalid() {
    return this.#invalid
  }

  /** Requests of the client that were answered, but not with success. */
  get refused() {
    return this.#refused
  }

  add({ invalid, skipped, refused = 0, ...measured }) {
    if (invalid) this.#invalid.push(invalid)
    if (skipped) this.#skipped = skipped
    if (invalid || skipped) return
    this.#refused += refused
    for (const measure of Object.keys(MEASURES)) {
      if (measured[measure] === undefined) continue
      if (!this.#ms.has(measure)) this.#ms.set(measure, [])
      this.#ms.get(measure).push(measured[measure])
    }
  }

  /** One summary for each measure that has samples. */
  summaries() {
    return [...this.#ms].map(([measure, samplesMs]) => {
      const [min, p50, p90, p99, max] = [0, 0.5, 0.9, 0.99, 1].map((share) => quantile(samplesMs, share))
      const { group, failure } = this
      return { group, failure, measure, n: samplesMs.length, min, p50, p90, p99, max, samplesMs }
    })
  }
}

/** Weight of the newest sample. */
const WEIGHT = 0.1

/** An exponentially weighted mean: recent samples count more, and none has to be kept. */
export class MovingAverage {
  #value: number | undefined

  get value(): number | undefined {
    return this.#value
  }

  add(sample: number): void {
    this.#value = this.#value === undefined ? sample : this.#value + WEIGHT * (sample - this.#value)
  }
}

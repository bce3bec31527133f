import { setTimeout as sleep } from 'node:timers/promises'
import { pickOf, seededRandom } from '../../../packages/core/src/testing/seeded-random.js'

/** What a seed decides: whom a fault hits, when, and how. */
export class Draws {
  /** A number in [0, 1). */
  readonly random: () => number

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least)
  }

  pick<T>(from: readonly T[]): T {
    return pickOf(this.random, from)
  }

  shuffled<T>(items: readonly T[]): T[] {
    const drawn = items.map((item) => ({ item, at: this.random() }))
    return drawn.toSorted((a, b) => a.at - b.at).map(({ item }) => item)
  }

  /** The moment of a fault, some time from now on; or its end. */
  async moment(leastMs = 0, mostMs = 300): Promise<void> {
    await sleep(Math.round(this.between(leastMs, mostMs)))
  }
}

import { median } from './quantile.mjs'

/**
 * Takes a sample of each scheme, round after round, so that whatever disturbs the machine disturbs all alike. `schemes`:
 * by name, a function that resolves with a sample, which is a record of numbers.
 */
export async function inTurns(schemes, rounds, say) {
  const samples = Object.fromEntries(Object.keys(schemes).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, sampleOf] of Object.entries(schemes)) samples[name].push(await sampleOf())
    say(`${round + 1} of ${rounds} rounds`)
  }
  return samples
}

/** The median of each figure over some samples. */
function mediansOf(samples) {
  return Object.fromEntries(
    Object.keys(samples[0]).map((figure) => [figure, median(samples.map((sample) => sample[figure]))]),
  )
}

/** A result for each scheme, as `runBench` takes them. */
export function resultsOf(samples) {
  return Object.entries(samples).map(([name, some]) => ({ name, figures: mediansOf(some), samples: some }))
}

/** How many times as large a figure is as a peer's: the median of the ratios within each round. */
export function ratioOf(samples, peers, figure) {
  return median(samples.map((sample, round) => sample[figure] / peers[round][figure]))
}

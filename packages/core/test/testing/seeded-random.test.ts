import { seededRandom } from '../../src/testing/seeded-random.js'

const take = (seed: number) => Array.from({ length: 1_000 }, seededRandom(seed))

it('gives the same numbers for the same seed, others for another', () => {
  expect(take(7)).toEqual(take(7))
  expect(take(7)).not.toEqual(take(8))
})

it('spreads over [0, 1)', () => {
  const tenths = new Set(take(7).map((number) => Math.floor(number * 10)))
  expect([...tenths].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

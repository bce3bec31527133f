import { Copies } from '../../src/write/copies.js'

/** The own history: term 1 up to index 5, term 2 from there to 10. */
const onHistory = ({ term, index }: { term: number; index: number }) =>
  index <= 10 && term === (index <= 5 ? 1 : 2)

/** An entry of the own history. */
const entry = (index: number) => ({ index, term: index <= 5 ? 1 : 2 })

const never = new AbortController().signal
let copies: Copies

beforeEach(() => {
  copies = new Copies(onHistory)
})

it('counts who has applied an entry, each once', () => {
  copies.acknowledged('a', { term: 1, index: 3 })
  copies.acknowledged('a', { term: 2, index: 7 })
  copies.acknowledged('b', { term: 1, index: 5 })
  expect([3, 5, 6, 7, 8].map((index) => copies.count(entry(index)))).toEqual([2, 2, 1, 1, 0])
})

it('does not go back when acknowledgements overtake each other', () => {
  copies.acknowledged('a', { term: 2, index: 9 })
  copies.acknowledged('a', { term: 2, index: 7 })
  expect(copies.count(entry(9))).toBe(1)
})

it('does not count an index alone: whoever is off the history may have other entries there', () => {
  copies.acknowledged('off', { term: 1, index: 8 })
  copies.acknowledged('ahead', { term: 2, index: 11 })
  expect(copies.count(entry(3))).toBe(0)
})

it('does not count copies of another entry in the place of one that the own history has lost', async () => {
  const lost = { term: 1, index: 7 }
  copies.acknowledged('a', { term: 2, index: 9 })
  expect(copies.count(lost)).toBe(0)
  const late = new AbortController()
  const wait = copies.until(1, lost, late.signal)
  copies.acknowledged('b', { term: 2, index: 10 })
  late.abort()
  expect(await wait).toBe(false)
})

it('counts one that was off once it has rebuilt itself, though its index is lower then', () => {
  copies.acknowledged('a', { term: 1, index: 8 })
  copies.acknowledged('a', { term: 1, index: 4 })
  expect(copies.count(entry(4))).toBe(1)
})

it('forgets who is gone', () => {
  copies.acknowledged('a', { term: 2, index: 7 })
  copies.keep(new Set(['b']))
  expect(copies.count(entry(1))).toBe(0)
})

it('wakes whoever waits as soon as there are enough, and nobody sooner', async () => {
  const seen: string[] = []
  const waits = [
    copies.until(0, entry(9), never).then(() => seen.push('nobody')),
    copies.until(1, entry(7), never).then((met) => seen.push(`one: ${met}`)),
    copies.until(2, entry(7), never).then((met) => seen.push(`two: ${met}`)),
  ]
  copies.acknowledged('a', { term: 1, index: 5 })
  await new Promise(setImmediate)
  expect(seen).toEqual(['nobody'])
  copies.acknowledged('a', { term: 2, index: 7 })
  await new Promise(setImmediate)
  expect(seen).toEqual(['nobody', 'one: true'])
  copies.acknowledged('b', { term: 2, index: 8 })
  await Promise.all(waits)
  expect(seen).toEqual(['nobody', 'one: true', 'two: true'])
})

it('says that there are not enough when time is over, and keeps nothing of the wait', async () => {
  const late = new AbortController()
  const wait = copies.until(1, entry(7), late.signal)
  late.abort()
  expect(await wait).toBe(false)
  expect(await copies.until(1, entry(7), late.signal)).toBe(false)
})

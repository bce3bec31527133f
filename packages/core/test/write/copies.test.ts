import { Copies } from '../../src/write/copies.js'

/** An entry of the own history: term 1 up to index 5, term 2 from there to 10. */
const at = (index: number) => ({ term: index <= 5 ? 1 : 2, index })
const onHistory = ({ term, index }: { term: number; index: number }) => index <= 10 && term === at(index).term

const never = new AbortController().signal
let copies: Copies

beforeEach(() => {
  copies = new Copies(onHistory)
})

it('counts who has applied an entry, each once', () => {
  copies.acknowledged('a', { term: 1, index: 3 })
  copies.acknowledged('a', { term: 2, index: 7 })
  copies.acknowledged('b', { term: 1, index: 5 })
  expect([3, 5, 6, 7, 8].map((index) => copies.count(at(index)))).toEqual([2, 2, 1, 1, 0])
})

it('does not go back when acknowledgements overtake each other', () => {
  copies.acknowledged('a', { term: 2, index: 9 })
  copies.acknowledged('a', { term: 2, index: 7 })
  expect(copies.count(at(9))).toBe(1)
})

it('does not count an index alone: whoever is off the history may have other entries there', () => {
  copies.acknowledged('off', { term: 1, index: 8 })
  copies.acknowledged('ahead', { term: 2, index: 11 })
  expect(copies.count(at(3))).toBe(0)
})

it('counts one that was off once it has rebuilt itself, though its index is lower then', () => {
  copies.acknowledged('a', { term: 1, index: 8 })
  copies.acknowledged('a', { term: 1, index: 4 })
  expect(copies.count(at(4))).toBe(1)
})

it('forgets who is gone', () => {
  copies.acknowledged('a', { term: 2, index: 7 })
  copies.keep(new Set(['b']))
  expect(copies.count(at(1))).toBe(0)
})

it('wakes whoever waits as soon as there are enough, and nobody sooner', async () => {
  const seen: string[] = []
  const waits = [
    copies.until(0, at(9), never).then(() => seen.push('nobody')),
    copies.until(1, at(7), never).then((met) => seen.push(`one: ${met}`)),
    copies.until(2, at(7), never).then((met) => seen.push(`two: ${met}`)),
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
  const wait = copies.until(1, at(7), late.signal)
  late.abort()
  expect(await wait).toBe(false)
  expect(await copies.until(1, at(7), late.signal)).toBe(false)
})

it('counts nobody for an entry that is no longer on the own history, however far others are', async () => {
  let isRolledBack = false
  // From index 6 on, entries of term 3 took the place of those of term 2.
  copies = new Copies(({ term, index }) => term === (index <= 5 ? 1 : isRolledBack ? 3 : 2))
  const late = new AbortController()
  const wait = copies.until(1, { term: 2, index: 7 }, late.signal)
  isRolledBack = true
  copies.acknowledged('a', { term: 3, index: 9 })
  expect(copies.count({ term: 3, index: 7 })).toBe(1)
  late.abort()
  expect(await wait).toBe(false)
})

it('is not taken back by an acknowledgement right behind, which is ahead of the own history', async () => {
  const wait = copies.until(1, at(7), never)
  copies.acknowledged('a', at(7))
  copies.acknowledged('a', { term: 2, index: 11 })
  expect(await wait).toBe(true)
})

it('counts whoever was ahead once the own history has come as far', async () => {
  let own = 7
  copies = new Copies(({ term, index }) => index <= own && term === at(index).term)
  const wait = copies.until(1, at(7), never)
  copies.acknowledged('a', at(9))
  own = 9
  copies.look()
  expect(await wait).toBe(true)
})

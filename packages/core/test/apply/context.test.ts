import { createContext, type Ctx } from '../../src/apply/context.js'
import { entryAt } from '../entries.js'

const draws = (ctx: Ctx, n: number) => Array.from({ length: n }, () => ctx.random())

it('says what the entry says', () => {
  const ctx = createContext(entryAt(7, { term: 3, timeMs: 5, opId: 'op' }))
  expect(ctx).toMatchObject({ index: 7, term: 3, time: 5, opId: 'op' })
})

it('draws the same from the same entry', () => {
  const [here, there] = [createContext(entryAt(7)), createContext(entryAt(7))]
  expect(draws(here, 5)).toEqual(draws(there, 5))
  expect(here.uuid()).toBe(there.uuid())
})

/** A change of these would make replicas of two releases drift apart. */
it('draws what it always drew', () => {
  const ctx = createContext(entryAt(1, { opId: 'a' }))
  expect(draws(ctx, 2)).toEqual([0.4864697349257767, 0.4973907337989658])
  expect(ctx.uuid()).toBe('0bfb65b3-ccff-4b71-8db8-0a24edd989e2')
})

it.each([
  ['index', entryAt(8)],
  ['term', entryAt(7, { term: 2 })],
  ['operation', entryAt(7, { opId: 'other' })],
])('draws something else for another %s', (_, other) => {
  expect(draws(createContext(other), 3)).not.toEqual(draws(createContext(entryAt(7)), 3))
})

it('gives version 4 UUIDs, each another', () => {
  const uuids = Array.from({ length: 2000 }, (_, i) => createContext(entryAt(i)).uuid())
  for (const uuid of uuids) {
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  }
  expect(new Set(uuids).size).toBe(uuids.length)
  const ctx = createContext(entryAt(1))
  expect(ctx.uuid()).not.toBe(ctx.uuid())
})

it.each([
  ['within one entry', draws(createContext(entryAt(1)), 20_000)],
  [
    'over the first draws of many entries',
    Array.from({ length: 20_000 }, (_, i) => createContext(entryAt(i)).random()),
  ],
])('spreads evenly from 0 up to 1 %s', (_, numbers) => {
  const buckets = Array.from({ length: 20 }, (_, i) => numbers.filter((n) => Math.floor(n * 20) === i).length)
  // 1000 expected in each; five standard deviations are 154.
  expect(Math.min(...buckets)).toBeGreaterThan(846)
  expect(Math.max(...buckets)).toBeLessThan(1154)
})

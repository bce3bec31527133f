import type { MemberView } from '../../src/elect/members.js'
import { bestOf, rankOf, runDelayMs } from '../../src/elect/ranking.js'
import { memberView } from '../member-view.js'

function order(...members: MemberView[]): string[] {
  return members.map(({ id }) => id).toSorted((a, b) => rankOf(a, members) - rankOf(b, members))
}

it.each<[string, MemberView, MemberView]>([
  [
    'an older version of the app before all else',
    memberView('z', { version: 9 }),
    memberView('a', { version: 10, priority: 1 }),
  ],
  [
    'whether it loads a snapshot before priority',
    memberView('z', { index: 8 }),
    memberView('a', { index: 9, priority: 1, loading: true }),
  ],
  [
    'priority before position and load',
    memberView('z', { priority: 1, load: 1 }),
    memberView('a', { index: 9 }),
  ],
  ['position before load', memberView('z', { index: 9, load: 1 }), memberView('a', { index: 8 })],
  ['load before name', memberView('z', { load: 0.1 }), memberView('a', { load: 0.5 })],
  ['name where all else is equal', memberView('a'), memberView('z')],
  ['name where loads differ by little', memberView('a', { load: 0.7 }), memberView('z', { load: 0.6 })],
])('goes by %s', (_, better, worse) => {
  expect(order(better, worse)).toEqual([better.id, worse.id])
  expect(order(worse, better)).toEqual([better.id, worse.id])
})

it('is the same on all of them, in whatever order they see each other', () => {
  const members = ['a', 'b', 'c', 'd'].map((id, i) => memberView(id, { index: i % 2, load: i / 10 }))
  expect(order(...members)).toEqual(order(...members.toReversed()))
  expect(new Set(members.map(({ id }) => rankOf(id, members)))).toEqual(new Set([0, 1, 2, 3]))
})

it('has a newer version of the app stand back for longer, while an older one could lead', () => {
  const [older, newer] = [memberView('b', { version: 1 }), memberView('a', { version: 2 })]
  expect(runDelayMs('b', [older, newer])).toBe(0)
  expect(runDelayMs('a', [older, newer])).toBeGreaterThan(100)
  expect(runDelayMs('a', [{ ...older, eligible: false }, newer])).toBe(0)
  expect(runDelayMs('a', [{ ...older, version: 2 }, newer])).toBe(0)
})

it('leaves out who may not lead, and puts who is not known last', () => {
  const members = [memberView('a', { eligible: false, priority: 9 }), memberView('b'), memberView('c')]
  expect(rankOf('b', members)).toBe(0)
  expect(rankOf('a', members)).toBe(2)
  expect(rankOf('stranger', members)).toBe(2)
})

it('whoever was named runs at once, and all others let it go first', () => {
  const members = ['a', 'b', 'c'].map((id) => memberView(id))
  expect(bestOf(members)).toBe('a')
  expect(runDelayMs('c', members, 'c')).toBe(0)
  expect(runDelayMs('a', members, 'c')).toBe(runDelayMs('b', members))
  expect(runDelayMs('b', members, 'c')).toBe(runDelayMs('b', members))
})

it('nobody is the best where nobody may lead', () => {
  expect(bestOf([memberView('a', { eligible: false })])).toBeUndefined()
})

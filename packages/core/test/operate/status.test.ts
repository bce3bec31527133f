import { inconsistencyOf } from '../../src/operate/status.js'

const alive = (lagEntries: number) => ({ alive: true, lagEntries })

it.each([
  ['nobody', [], 0],
  ['all at the head', [alive(0), alive(0)], 0],
  ['one of three behind', [alive(0), alive(0), alive(6)], 2],
  ['all behind', [alive(1), alive(2)], 1.5],
  ['one that is gone', [alive(0), alive(4), { alive: false, lagEntries: 1000 }], 2],
])('C of %s is the mean lag of the living', (_, members, inconsistency) => {
  expect(inconsistencyOf(members)).toBe(inconsistency)
})

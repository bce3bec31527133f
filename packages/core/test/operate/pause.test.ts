import type { Orders } from '../../src/operate/orders.js'
import { leaveOf } from '../../src/operate/pause.js'

const QUIET: Orders = {
  paused: false,
  pauseLeftMs: undefined,
  claimantId: 'a',
  heir: undefined,
  switchover: undefined,
}
const PAUSED = { paused: true }
const HEIR = { heir: { id: 'b', leftMs: 300 } }
const OVERDUE = { heir: { id: 'b', leftMs: 0 } }

it.each<[string, Partial<Orders>, string]>([
  ['nothing is ordered', {}, 'abc'],
  ['it is paused, whoever led last', PAUSED, 'a'],
  ['it is paused and nobody ever led, nobody', { ...PAUSED, claimantId: undefined }, ''],
  ['an heir is named, that alone', HEIR, 'b'],
  ['it is paused and an heir is named, that alone', { ...PAUSED, ...HEIR }, 'b'],
  ['the heir did not come', OVERDUE, 'abc'],
  ['it is paused and the heir did not come, whoever led last', { ...PAUSED, ...OVERDUE }, 'a'],
  ['the heir has led and is gone', { ...HEIR, claimantId: 'b' }, 'abc'],
])('when %s may run: of a, b and c', (_, given, may) => {
  const orders = { ...QUIET, ...given }
  const those = ['a', 'b', 'c'].filter((id) => leaveOf(orders, id).mayRun)
  expect(those.join('')).toBe(may)
})

it('the heir does not wait for anybody, and the others know how long to wait for it', () => {
  expect(leaveOf({ ...QUIET, ...HEIR }, 'b')).toMatchObject({ isHeir: true })
  expect(leaveOf({ ...QUIET, ...HEIR }, 'c')).toEqual({ mayRun: false, isHeir: false, againMs: 300 })
  expect(leaveOf({ ...QUIET, ...PAUSED, pauseLeftMs: 70 }, 'c')).toMatchObject({ againMs: 70 })
})

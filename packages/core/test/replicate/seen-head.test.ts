import { SeenHead } from '../../src/replicate/seen-head.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const at = (index: number, term = 1, logId = 'L') => ({ logId, term, index })

it('has seen no end before it has seen a log', () => {
  const seen = new SeenHead(new VirtualClock(1))
  expect(seen.end).toBeUndefined()
  seen.saw(at(0, 0, ''), 0)
  expect(seen.end).toBeUndefined()
  seen.saw(at(0, 0), 0)
  expect(seen.end).toEqual(at(0, 0))
})

it('follows the log, also back, and keeps the end of one that is gone: it may come back', () => {
  const seen = new SeenHead(new VirtualClock(1))
  for (const end of [at(5), at(9, 3), at(4)]) {
    seen.saw(end, 0)
    expect([seen.end, seen.index]).toEqual([end, end.index])
  }
  seen.saw(at(0, 0, ''), 0)
  expect([seen.end, seen.index]).toEqual([at(4), 0])
})

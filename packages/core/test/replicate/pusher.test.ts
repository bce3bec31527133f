import { silentLogger } from '../../src/observe/logger.js'
import type { Acknowledgement, JobTransport, RangeNotice } from '../../src/replicate/job-transport.js'
import { JOB_EVERY_MS, LATE_MS } from '../../src/replicate/push-pace.js'
import { Pusher } from '../../src/replicate/pusher.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

let clock: VirtualClock
let pushed: string[]
let copied: number[]
let pusher: Pusher
let broken: boolean
let listeners: ((acknowledgement: Acknowledgement) => void)[]

beforeEach(() => {
  clock = new VirtualClock()
  pushed = []
  copied = []
  broken = false
  listeners = []
  const transport = {
    async push(id: string, { term, to }: RangeNotice) {
      if (broken) throw new Error('no Redis')
      pushed.push(`${id}: ${to} of ${term}`)
    },
    onAcknowledged(listener) {
      listeners.push(listener)
      return () => void listeners.splice(listeners.indexOf(listener), 1)
    },
  } as JobTransport
  const onAcknowledgement = ({ id, index }: Acknowledgement) => pusher.acknowledged(id, index)
  const onCopied = (ms: number) => copied.push(ms)
  pusher = new Pusher({ transport, clock, logger: silentLogger, onAcknowledgement, onCopied })
})

/** One entry after the other, as far apart as jobs are at least to a follower that does not keep up. */
async function commit(entries: number): Promise<void> {
  for (let head = 1; head <= entries; head++) {
    await clock.advance(LATE_MS)
    pusher.committed(head)
  }
}

it('tells every follower of a new reign at once', () => {
  pusher.start(7, 5, ['a', 'b'])
  expect(pushed).toEqual(['a: 5 of 7', 'b: 5 of 7'])
})

it('listens to followers for as long as it reigns', () => {
  expect(listeners).toHaveLength(0)
  pusher.start(7, 5, ['a'])
  listeners[0]?.({ id: 'newcomer', term: 7, index: 3 })
  expect(pushed.at(-1)).toBe('newcomer: 5 of 7')
  pusher.stop()
  expect(listeners).toHaveLength(0)
})

it('tells a follower that does not acknowledge how far the log reaches, by few jobs, the last of which covers all', async () => {
  pusher.start(7, 0, ['a', 'b'])
  for (let head = 1; head <= 100; head++) pusher.committed(head)
  await clock.advance(LATE_MS - 1)
  expect(pushed).toEqual(['a: 0 of 7', 'b: 0 of 7'])
  await clock.advance(1)
  expect(pushed.slice(2)).toEqual(['a: 100 of 7', 'b: 100 of 7'])
  await clock.advance(2 * JOB_EVERY_MS)
  expect(pushed).toHaveLength(4)
})

it('tells a follower that keeps up now and then, however much there is', async () => {
  pusher.start(7, 0, ['a'])
  for (let head = 1; head <= 200; head++) {
    await clock.advance(5)
    pusher.committed(head)
    if (head > 1) pusher.acknowledged('a', head - 1) // never quite there
  }
  expect(pushed).toHaveLength(1 + 1000 / JOB_EVERY_MS)
})

it('tells a follower at once that has kept up and does not any more', async () => {
  pusher.start(7, 0, ['a'])
  pusher.committed(1)
  pusher.acknowledged('a', 1)
  await clock.advance(JOB_EVERY_MS - LATE_MS)
  pusher.committed(2)
  await clock.advance(LATE_MS)
  expect(pushed).toEqual(['a: 0 of 7', 'a: 2 of 7'])
  await clock.advance(1)
  pusher.committed(3)
  await clock.advance(LATE_MS)
  expect(pushed.slice(2)).toEqual(['a: 3 of 7'])
})

it('has few jobs under way to one follower, and one more covers all that came meanwhile', async () => {
  pusher.start(7, 0, ['a'])
  await commit(100)
  expect(pushed).toEqual(['a: 0 of 7', 'a: 1 of 7', 'a: 2 of 7', 'a: 3 of 7'])
  pusher.acknowledged('a', 3)
  expect(pushed.slice(4)).toEqual(['a: 100 of 7'])
})

it('a slow follower holds back no other', async () => {
  pusher.start(7, 0, ['slow', 'quick'])
  pusher.acknowledged('quick', 0)
  for (let head = 1; head <= 20; head++) {
    await clock.advance(LATE_MS)
    pusher.committed(head)
    if (head < 20) pusher.acknowledged('quick', head)
  }
  await clock.advance(LATE_MS)
  expect(pushed.filter((job) => job.startsWith('quick')).at(-1)).toBe('quick: 20 of 7')
  expect(pushed.filter((job) => job.startsWith('slow')).at(-1)).toBe('slow: 3 of 7')
})

it('gives up a job that brings no acknowledgement, and sends another', async () => {
  pusher.start(7, 0, ['a'])
  await commit(10)
  await clock.advance(2001)
  pusher.committed(11)
  expect(pushed.at(-1)).toBe('a: 11 of 7')
})

it('goes on when a job cannot be pushed', async () => {
  broken = true
  pusher.start(7, 0, ['a'])
  pusher.committed(1)
  await clock.advance(2001)
  broken = false
  pusher.committed(2)
  expect(pushed).toEqual(['a: 2 of 7'])
})

it('follows whoever acknowledges, and nobody who is gone', async () => {
  pusher.start(7, 5, ['a'])
  pusher.acknowledged('newcomer', 2)
  expect(pushed.at(-1)).toBe('newcomer: 5 of 7')
  pusher.keep(new Set(['newcomer']))
  await clock.advance(JOB_EVERY_MS)
  pusher.committed(6)
  expect(pushed.slice(2)).toEqual(['newcomer: 6 of 7'])
})

it('pushes nothing after its reign', () => {
  pusher.start(7, 5, ['a'])
  pusher.stop()
  pusher.committed(6)
  pusher.acknowledged('a', 2)
  expect(pushed).toEqual(['a: 5 of 7'])
})

describe('times the copies', () => {
  beforeEach(() => pusher.start(7, 0, ['a', 'b']))

  it('until the slowest follower has a batch', async () => {
    pusher.committed(3)
    await clock.advance(10)
    pusher.acknowledged('a', 3)
    expect(copied).toEqual([])
    await clock.advance(5)
    pusher.acknowledged('b', 3)
    expect(copied).toEqual([15])
  })

  it('several batches by one acknowledgement', async () => {
    pusher.committed(1)
    await clock.advance(10)
    pusher.committed(2)
    await clock.advance(10)
    pusher.acknowledged('a', 2)
    pusher.acknowledged('b', 2)
    expect(copied).toEqual([20, 10])
  })

  it('without waiting for a follower that is gone', async () => {
    pusher.committed(1)
    await clock.advance(10)
    pusher.acknowledged('a', 1)
    pusher.keep(new Set(['a']))
    expect(copied).toEqual([10])
  })
})

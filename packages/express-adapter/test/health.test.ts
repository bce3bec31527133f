import type { InstanceStatus } from '@leasehold/core'
import { isAlive, isLeading, isReady, isReplica, parseBounds } from '../../http/src/health.js'
import { StandInNode } from './support/stand-in-node.js'

const status = (changes: Partial<InstanceStatus> = {}) => ({ ...new StandInNode('n').status(), ...changes })
const bounds = (query = '') => {
  const parsed = parseBounds(new URLSearchParams(query))
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

describe('bounds', () => {
  test('default to 1000 entries and 10 s', () => {
    expect(bounds()).toEqual({ maxLag: 1000, maxLagMs: 10_000, asked: false })
    expect(bounds('maxLag=0')).toEqual({ maxLag: 0, maxLagMs: 10_000, asked: true })
  })

  test.each([
    'maxLag=-1',
    'maxLag=1.5',
    'maxLag=',
    'maxLagMs=1e3',
    'maxLagMs=soon',
    'maxLag=9999999999999999',
  ])('%s is refused', (query) => {
    expect(parseBounds(new URLSearchParams(query))).toMatch(/whole number/)
  })
})

describe('alive', () => {
  test.each<[string, Partial<InstanceStatus>, boolean]>([
    ['the loop ran', { idleMs: 9999 }, true],
    ['the loop stands still', { idleMs: 10_001 }, false],
    ['not started: there is no loop yet', { role: 'stopped', idleMs: Number.POSITIVE_INFINITY }, true],
  ])('%s', (_what, changes, ok) => {
    expect(isAlive(status(changes), 10_000).ok).toBe(ok)
  })
})

describe('ready, replica, leading', () => {
  const leader: Partial<InstanceStatus> = { role: 'leader', isLeader: true }
  test.each<[string, Partial<InstanceStatus>, string, boolean, boolean, boolean]>([
    ['a leader', leader, '', true, false, true],
    ['a leader whose lease ran out', { role: 'leader' }, '', true, true, false],
    ['a follower in step', {}, '', true, true, false],
    ['a candidate in step', { role: 'candidate' }, '', true, true, false],
    ['not started', { role: 'stopped' }, '', false, false, false],
    ['still catching up', { caughtUp: false }, '', false, false, false],
    ['diverged', { halted: 'DIVERGED' }, '', false, false, false],
    ['too old', { halted: 'VERSION_TOO_OLD' }, '', false, false, false],
    ['at the default bound', { lagEntries: 1000, lagMs: 10_000 }, '', true, true, false],
    ['too many entries behind', { lagEntries: 1001 }, '', false, false, false],
    ['too long behind', { lagMs: 10_001 }, '', false, false, false],
    ['within the bound asked for', { lagEntries: 5, lagMs: 7 }, 'maxLag=5&maxLagMs=7', true, true, false],
    ['beyond the bound asked for', { lagEntries: 6 }, 'maxLag=5', false, false, false],
    ['stale, nobody asked for a bound', { stale: true }, '', true, true, false],
    ['stale, a bound was asked for', { stale: true }, 'maxLag=5', false, false, false],
    [
      'a leader is ready whatever bound is asked for',
      { ...leader, lagEntries: 9 },
      'maxLag=0',
      true,
      false,
      true,
    ],
  ])('%s', (_what, changes, query, ready, replica, leading) => {
    expect(isReady(status(changes), bounds(query), false).ok).toBe(ready)
    expect(isReplica(status(changes), bounds(query), false).ok).toBe(replica)
    expect(isLeading(status(changes)).ok).toBe(leading)
  })

  test('nobody who is shutting down is ready', () => {
    expect(isReady(status(leader), bounds(), true)).toEqual({ ok: false, reason: 'shutting down' })
    expect(isReplica(status(), bounds(), true).ok).toBe(false)
  })
})

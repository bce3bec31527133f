import type { Candidacy, Standing } from '../../src/elect/candidacy.js'
import { Elector } from '../../src/elect/elector.js'
import type { LeaseStore } from '../../src/elect/lease.js'
import type { LogStore } from '../../src/log/log-store.js'
import { silentLogger } from '../../src/observe/logger.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

/** An elector before a lease of which the test says whether it is taken; it never gets it. */
function running(standing: Standing, vacantInMs = 0) {
  const clock = new VirtualClock()
  const state = { vacantInMs, standing, did: [] as string[] }
  const leases = {
    look: async () => ({ vacantInMs: state.vacantInMs }),
    acquire: async () => void state.did.push('acquire'),
  } as unknown as LeaseStore
  const log = {
    openTerm: (signal: AbortSignal) => {
      state.did.push('open')
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))))
    },
  } as unknown as LogStore
  const candidacy = {
    standing: async () => state.standing,
    vacancyChanged: () => {},
    roleChanged: () => {},
  } as unknown as Candidacy
  const elector = new Elector({ leases, log, candidacy, ttlMs: 5000, clock, logger: silentLogger })
  const over = new AbortController()
  const ended = elector.run(over.signal)
  stops.push(async () => {
    over.abort()
    await clock.advance(1000)
    await ended
    expect(clock.timers).toBe(0)
  })
  return { clock, state, elector }
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

it('opens a connection while it takes the lease, one for all attempts in a row', async () => {
  const { clock, state } = running({ eligible: true, delayMs: 0 })
  await clock.advance(0)
  expect(state.did).toEqual(['open', 'acquire'])
  await clock.advance(200)
  expect(state.did.filter((what) => what === 'open')).toHaveLength(1)
  expect(state.did.length).toBeGreaterThan(3)
})

it('lets better ones go first, and does not run when one of them has the lease', async () => {
  const { clock, state, elector } = running({ eligible: true, delayMs: 25 })
  await clock.advance(20)
  state.vacantInMs = 5000
  elector.wake()
  await clock.advance(1000)
  expect(state.did).toEqual([])
})

it('runs after its delay where nobody has taken it, whatever wakes it meanwhile', async () => {
  const { clock, state, elector } = running({ eligible: true, delayMs: 25 })
  for (let ms = 0; ms < 24; ms += 2) {
    await clock.advance(2)
    elector.wake()
  }
  expect(state.did).toEqual([])
  await clock.advance(2)
  expect(state.did).toContain('acquire')
})

it('runs at once when nobody is left who is better', async () => {
  const { clock, state, elector } = running({ eligible: true, delayMs: 500 })
  await clock.advance(10)
  state.standing = { eligible: true, delayMs: 0 }
  elector.wake()
  await clock.advance(0)
  expect(state.did).toContain('acquire')
})

it('prepares for a vacancy that may come, once, and not for long', async () => {
  const { clock, state, elector } = running({ eligible: true, delayMs: 0 }, 60_000)
  await clock.advance(100)
  for (let i = 0; i < 5; i++) elector.prepare()
  expect(state.did).toEqual(['open'])
  await clock.advance(2000)
  elector.prepare()
  expect(state.did).toEqual(['open', 'open'])
})

it('gives a lease back with which it cannot get to serve, so that another one may try', async () => {
  const clock = new VirtualClock()
  const released: number[] = []
  const leases = {
    look: async () => ({ vacantInMs: 0 }),
    acquire: async () => ({ value: 'v', deadlineMs: Number.POSITIVE_INFINITY }),
    renew: async (lease: object) => lease,
    guard: () => ({ gaveBack: false, end: () => {} }),
    release: async () => void released.push(clock.now()),
  } as unknown as LeaseStore
  const connection = {
    closed: new AbortController().signal,
    storedTerm: async () => 1,
    claim: async () => ({ kind: 'claimed', claim: { term: 1 } }),
    close: () => {},
  }
  const candidacy = {
    standing: async () => ({ eligible: true, delayMs: 0 }),
    takeOver: () => Promise.reject(new Error('the members cannot be read')),
    retire: async () => {},
    ...{ floor: () => 0, reason: () => undefined, self: () => ({ id: 'a' }) },
    ...{ vacancyChanged: () => {}, roleChanged: () => {} },
  } as unknown as Candidacy
  const log = { openTerm: async () => connection } as unknown as LogStore
  const elector = new Elector({ leases, log, candidacy, ttlMs: 5000, clock, logger: silentLogger })
  const over = new AbortController()
  const ended = elector.run(over.signal)
  await clock.advance(900) // what is short, such as a connection that comes back, it waits for
  expect(released).toEqual([])
  await clock.advance(600)
  expect(released).toHaveLength(1)
  over.abort()
  await clock.advance(2000)
  await ended
})

describe('with a lease and a connection', () => {
  const LEASE_MS = 900

  /** An elector that gets the lease at once, never again, and takes over without trouble. */
  function leading({ storedTerm }: { storedTerm?: (clock: VirtualClock) => void } = {}) {
    const clock = new VirtualClock()
    const closed = new AbortController()
    const claims: number[] = []
    const grants = [{ value: 'v', deadlineMs: LEASE_MS }]
    const leases = {
      look: async () => ({ vacantInMs: grants.length > 0 ? 0 : 60_000 }),
      acquire: async () => grants.pop(),
      renew: () => new Promise(() => {}),
      guard: () => ({ gaveBack: false, end: () => {} }),
      release: async () => {},
      announceLeader: () => {},
    } as unknown as LeaseStore
    const claim = { term: 1, replIdChanged: false }
    const connection = {
      closed: closed.signal,
      async storedTerm() {
        storedTerm?.(clock)
        return 0
      },
      async claim() {
        claims.push(clock.now())
        return { kind: 'claimed', claim }
      },
      close: () => {},
    }
    const candidacy = {
      standing: async () => ({ eligible: true, delayMs: 0 }),
      takeOver: async () => claim,
      retire: async () => {},
      ...{ floor: () => 0, reason: () => undefined, self: () => ({ id: 'a' }) },
      ...{ vacancyChanged: () => {}, roleChanged: () => {} },
    } as unknown as Candidacy
    const log = { openTerm: async () => connection } as unknown as LogStore
    const elector = new Elector({ leases, log, candidacy, ttlMs: 1000, clock, logger: silentLogger })
    const over = new AbortController()
    void elector.run(over.signal)
    stops.push(async () => {
      over.abort()
      await clock.advance(2000)
    })
    return { clock, closed, claims, elector }
  }

  it('leads until its deadline, and not a moment longer because no timer has run', async () => {
    const { clock, elector } = leading()
    await clock.advance(1)
    expect(elector.leads).toBe(true)
    clock.pause(LEASE_MS)
    expect(elector.state.role).toBe('leader')
    expect(elector.leads).toBe(false)
  })

  it('leads on a connection that stands', async () => {
    const { clock, closed, elector } = leading()
    await clock.advance(1)
    closed.abort()
    expect(elector.state.role).toBe('leader')
    expect(elector.leads).toBe(false)
  })

  it('claims nothing if the lease has run out on the way', async () => {
    const { clock, claims, elector } = leading({ storedTerm: (time) => time.pause(LEASE_MS) })
    await clock.advance(1)
    expect(claims).toEqual([])
    expect(elector.leads).toBe(false)
  })
})

import { LeaderWatch, type WatchedLeader } from '../../src/elect/leader-watch.js'
import type { LeaseStore } from '../../src/elect/lease.js'
import { silentLogger } from '../../src/observe/logger.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const LEADER: WatchedLeader = { id: 'leader', leaseValue: 'v1' }

/** A watch over a leader of whom the lease nodes say what the test has them say, look by look. */
function watching(signs: (boolean | undefined)[] = []) {
  const clock = new VirtualClock()
  const state = {
    leader: LEADER as WatchedLeader | undefined,
    rank: 0,
    signs,
    looks: [] as number[],
    taken: [] as string[],
    isThere: true,
    heir: 'the best' as string | undefined,
    deposed: [] as [heir: string | undefined, seenMs: number][],
  }
  const leases = {
    isPresent: async () => {
      state.looks.push(clock.now())
      return state.signs.length > 1 ? state.signs.shift() : state.signs[0]
    },
    depose: async (value: string, heir: string | undefined) => {
      expect(heir).toBe(state.heir)
      state.taken.push(value)
      return state.isThere
    },
  } as unknown as LeaseStore
  const watch = new LeaderWatch({
    leases,
    clock,
    logger: silentLogger,
    listener: {
      leader: () => state.leader,
      rank: () => state.rank,
      suspected: () => {},
      heir: () => state.heir,
      deposed: (heir, seenMs) => void state.deposed.push([heir, seenMs]),
    },
  })
  const suspect = () => watch.suspect(LEADER.id)
  const over = new AbortController()
  const ended = watch.run(over.signal)
  stops.push(async () => {
    over.abort()
    await clock.advance(1000)
    await ended
    expect(clock.timers).toBe(0)
  })
  return { clock, state, suspect }
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

describe('a leader', () => {
  it('that is present is looked at every now and then, and left alone', async () => {
    const present = watching([true])
    await present.clock.advance(1000)
    expect(present.state.looks.length).toBeGreaterThan(25)
    expect(present.state.taken).toEqual([])
  })

  it('that is gone twice in a row is deposed; who should run first, and when it was last seen, is told', async () => {
    const gone = watching([true, true, false])
    await gone.clock.advance(1000)
    expect(gone.state.taken).toEqual(['v1'])
    const [, lastSeen, first, second] = gone.state.looks as [number, number, number, number]
    expect(gone.state.deposed).toEqual([['the best', lastSeen]])
    expect(second - first).toBeCloseTo(5)
  })

  it('that is back at the second look, or of whom nothing can be said then, is left alone', async () => {
    const back = watching([true, false, true, false, undefined, true])
    await back.clock.advance(1000)
    expect(back.state.taken).toEqual([])
  })

  it('of whom nothing can be said is left alone', async () => {
    const unknown = watching([undefined])
    await unknown.clock.advance(1000)
    expect(unknown.state.taken).toEqual([])
  })

  it('that has another lease by the second look is looked at anew', async () => {
    const changed = watching([true, false])
    while (changed.state.looks.length < 2) await changed.clock.advance(1) // the second finds it gone
    changed.state.leader = { ...LEADER, leaseValue: 'v2' }
    await changed.clock.advance(15)
    expect(changed.state.taken).toEqual([])
    await changed.clock.advance(100)
    expect(changed.state.taken).toEqual(['v2'])
  })

  it('that was deposed and leads again is never deposed again: it was alive', async () => {
    const revived = watching([true, false])
    await revived.clock.advance(200)
    revived.state.leader = { ...LEADER, leaseValue: 'v2' }
    await revived.clock.advance(10_000)
    expect(revived.state.taken).toEqual(['v1'])
    revived.state.leader = { id: 'another', leaseValue: 'v3' }
    await revived.clock.advance(1000)
    expect(revived.state.taken).toEqual(['v1', 'v3'])
  })

  it('whose lease somebody else has ended already is not deposed by this one', async () => {
    const late = watching([true, false])
    late.state.isThere = false
    await late.clock.advance(1000)
    expect(late.state.deposed).toEqual([])
    late.state.isThere = true
    await late.clock.advance(1000)
    expect(late.state.deposed).toHaveLength(1)
  })
})

describe('a leader under suspicion', () => {
  it('is looked at now and closely, for a moment', async () => {
    const alive = watching([true])
    alive.state.rank = 2
    await alive.clock.advance(20)
    alive.state.looks.length = 0
    alive.suspect()
    await alive.clock.advance(0)
    expect(alive.state.looks).toHaveLength(1)
    await alive.clock.advance(200)
    expect(alive.state.looks.length).toBeGreaterThan(10)
    expect(alive.state.looks.length).toBeLessThan(30)
    expect(alive.state.taken).toEqual([])
  })

  it('is not suspected anew for every reason there is', async () => {
    const alive = watching([true])
    alive.state.rank = 2
    for (let i = 0; i < 100; i++) {
      alive.suspect()
      await alive.clock.advance(9)
    }
    expect(alive.state.looks.length).toBeLessThan(40)
  })

  it('is deposed on the same evidence as any', async () => {
    const gone = watching([true, true, false])
    await gone.clock.advance(0)
    gone.suspect()
    await gone.clock.advance(20)
    expect(gone.state.taken).toEqual(['v1'])
    const [, , first, second] = gone.state.looks as [number, number, number, number]
    expect(second - first).toBeCloseTo(5)
  })
})

it('nobody is looked at while nobody else leads', async () => {
  const nobody = watching([true])
  nobody.state.leader = undefined
  await nobody.clock.advance(50)
  nobody.state.looks.length = 0
  await nobody.clock.advance(1000)
  expect(nobody.state.looks).toEqual([])
})

it('those who would not run soon look rarely', async () => {
  const last = watching([true])
  last.state.rank = 2
  await last.clock.advance(1000)
  expect(last.state.looks.length).toBeLessThan(8)
})

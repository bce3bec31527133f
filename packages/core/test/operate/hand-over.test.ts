import type { MemberStore, MemberView } from '../../src/elect/members.js'
import type { Claim } from '../../src/log/log-store.js'
import { HandOver } from '../../src/operate/hand-over.js'
import type { OrderStore } from '../../src/operate/orders.js'
import type { SwitchoverFailedError } from '../../src/errors.js'
import { memberView } from '../member-view.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const CLAIM = { term: 7, nonce: 'n' } as Claim
const HEAD = 10

let clock: VirtualClock
/** What the others have published, and at which time. */
let published: Map<string, { view: MemberView; atMs: number }>
/** What the leader did, in order. */
let did: string[]
let leads: boolean
let reached: number
let stopping: AbortController

beforeEach(() => {
  clock = new VirtualClock()
  published = new Map()
  did = []
  leads = true
  reached = HEAD
  stopping = new AbortController()
})

function publish(id: string, given: Partial<MemberView> = {}, agoMs = 500): void {
  const view = memberView(id, { applied: { term: 7, index: HEAD }, ...given })
  published.set(id, { view, atMs: clock.now() - agoMs })
}

/** A leader `a`, asked by which `answering` publish themselves anew. */
function handOver(answering: readonly string[]): HandOver {
  const list = async () =>
    [...published.values()].map(({ view, atMs }) => ({ ...view, silentMs: clock.now() - atMs }))
  return new HandOver({
    id: 'a',
    name: 'a',
    heartbeatMs: 1000,
    clock,
    members: { list } as MemberStore,
    orders: {
      nameHeir: async (_claim, id) => {
        did.push(`names ${id}`)
        return leads
      },
    } as Partial<OrderStore> as OrderStore,
    claim: () => (leads ? CLAIM : undefined),
    end: () => ({ index: HEAD, newestVersion: 1 }),
    reached: () => reached,
    ask: () => answering.forEach((id) => publish(id, published.get(id)?.view, 0)),
    hold: async (run) => {
      did.push('holds')
      try {
        return await run()
      } finally {
        did.push('releases')
      }
    },
    giveUp: async () => void did.push('gives up'),
  })
}

/** What came of it within ten seconds, and when that was. */
async function outcomeOf(run: Promise<void>) {
  let endedMs = Number.NaN
  const told = run
    .then(
      () => undefined,
      (error: SwitchoverFailedError) => error,
    )
    .finally(() => {
      endedMs = clock.now()
    })
  await clock.advance(10_000)
  return { error: await told, endedMs }
}

const run = (to: string, answering: readonly string[]) =>
  outcomeOf(
    handOver(answering)
      .run(to, 5000, stopping.signal)
      .then(() => undefined),
  )

beforeEach(() => {
  publish('b')
  publish('c', { load: 0.9 })
})

it('holds writes once the heir has answered, names it, and gives up leadership', async () => {
  await run('c', ['b', 'c'])
  expect(did).toEqual(['holds', 'names c', 'gives up', 'releases'])
})

it('goes on, with the writes that it held, when the heir does not reach the head', async () => {
  reached = HEAD - 1
  const { error, endedMs } = await run('b', ['b', 'c'])
  expect(error).toMatchObject({ code: 'SWITCHOVER_FAILED', reason: 'TIMEOUT' })
  expect(did).toEqual(['holds', 'names b', 'releases'])
  expect(endedMs).toBeLessThan(1500) // writes do not wait for as long as the switchover may take
})

it('holds nothing for an heir that does not answer, or that lags until the deadline', async () => {
  expect((await run('b', ['c'])).error).toMatchObject({ reason: 'TIMEOUT' })
  publish('b', { applied: { term: 7, index: HEAD - 1 } })
  const { error, endedMs } = await run('b', ['b', 'c'])
  expect(error).toMatchObject({ reason: 'TIMEOUT', message: expect.stringContaining('9 of 10 entries') })
  expect(endedMs).toBeGreaterThanOrEqual(15_000)
  expect(did).toEqual([])
})

it('the best one is the first in rank that answers', async () => {
  await run('', ['b', 'c'])
  expect(did).toContain('names b')
  did = []
  publish('b')
  publish('c', { load: 0.9 })
  await run('', ['c'])
  expect(did).toContain('names c')
})

it.each<[string, string, Partial<MemberView>]>([
  ['NOT_ELIGIBLE', 'b', { eligible: false }],
  ['NOT_ELIGIBLE', 'b', { halted: 'LOG_LOST' }],
  ['NOT_ELIGIBLE', 'b', { version: 0 }],
  ['UNKNOWN_INSTANCE', 'b', { role: 'stopped' }],
  ['UNKNOWN_INSTANCE', 'x', {}],
  ['LEADS_ALREADY', 'a', {}],
])('refuses with %s a switchover to %s, %j', async (reason, to, given) => {
  publish('b', given)
  expect((await run(to, ['b', 'c'])).error).toMatchObject({ reason })
  expect(did).toEqual([])
})

it('ends when the leader stops, or leads no more', async () => {
  const waiting = run('b', [])
  stopping.abort()
  expect((await waiting).error).toMatchObject({ reason: 'STOPPED' })
  stopping = new AbortController()
  publish('b')
  const other = run('b', [])
  leads = false
  expect((await other).error).toMatchObject({ reason: 'LEADER_CHANGED' })
})

it('a leader that stops names whoever answers soon, and goes on until it is told to stop', async () => {
  await outcomeOf(handOver([]).nameHeir(stopping.signal))
  expect(did).toEqual([])
  publish('b')
  await outcomeOf(handOver(['b']).nameHeir(stopping.signal))
  expect(did).toEqual(['names b'])
})

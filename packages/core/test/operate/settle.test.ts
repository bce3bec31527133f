import type { MemberStore, MemberView } from '../../src/elect/members.js'
import type { LogStore } from '../../src/log/log-store.js'
import { settle } from '../../src/operate/settle.js'
import type { JobTransport } from '../../src/replicate/job-transport.js'
import { memberView } from '../member-view.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const SETTLE_MS = 2000
const TERM = 7
const NONCE = 'this claim'

let clock: VirtualClock
let present: string[]
let views: MemberView[]

beforeEach(() => {
  clock = new VirtualClock()
  present = []
  views = []
})

/** What settling finds, and after how many ms. */
async function settled(given: { known?: string[]; empty?: boolean; serverAgeMs?: number } = {}) {
  const { known = [], empty = false, serverAgeMs = 60_000 } = given
  const startedMs = clock.now()
  const settling = settle(
    {
      log: { serverAgeMs: async () => serverAgeMs } as LogStore,
      members: { list: async () => views } as unknown as MemberStore,
      transport: { present: async () => present } as unknown as JobTransport,
      clock,
      settleMs: SETTLE_MS,
      self: 'self',
      known,
      empty,
      announce: () => {},
    },
    { term: TERM, nonce: NONCE },
    new AbortController().signal,
  ).then(({ views: found, silent }) => ({
    ids: found.map(({ id }) => id),
    silent,
    ms: clock.now() - startedMs,
  }))
  await clock.advance(2 * SETTLE_MS)
  return settling
}

/** Less than this: nothing was waited for. */
const AT_ONCE_MS = 50

it('does not wait when everybody has answered', async () => {
  present = ['a', 'b']
  views = [memberView('a', { term: TERM }), memberView('b', { term: TERM + 1 })]
  const { ids, ms } = await settled({ known: ['a'] })
  expect(ids).toEqual(['a', 'b'])
  expect(ms).toBeLessThan(AT_ONCE_MS)
})

it('does not take for an answer what was said of a claim that Redis has lost, though its term was as high', async () => {
  present = ['a']
  views = [memberView('a', { term: TERM, nonce: 'another claim' })]
  expect((await settled()).ms).toBeGreaterThanOrEqual(SETTLE_MS)
  views = [memberView('a', { term: TERM, nonce: NONCE })]
  expect((await settled()).ms).toBeLessThan(AT_ONCE_MS)
})

it.each<[string, { connected: string[]; known: string[]; seen: MemberView[] }]>([
  ['is connected and was not heard of', { connected: ['a'], known: [], seen: [] }],
  ['is known and has not come back', { connected: [], known: ['a'], seen: [] }],
  [
    'has not seen the claim yet',
    { connected: ['a'], known: [], seen: [memberView('a', { term: TERM - 1 })] },
  ],
])('waits for one that %s, but not for ever', async (_, { connected, known, seen }) => {
  present = connected
  views = seen
  expect((await settled({ known })).ms).toBeGreaterThanOrEqual(SETTLE_MS)
})

it('does not wait for one that has stopped, nor count what it had', async () => {
  present = ['a', 'b'] // its connections may be open for a moment longer
  views = [memberView('a', { term: TERM }), memberView('b', { role: 'stopped', term: TERM, ahead: true })]
  const { ids, silent, ms } = await settled({ known: ['a', 'b'] })
  expect([ids, silent]).toEqual([['a'], []])
  expect(ms).toBeLessThan(AT_ONCE_MS)
})

it('without data, waits until the server has run for a while', async () => {
  const { ms } = await settled({ empty: true, serverAgeMs: 500 })
  expect(ms).toBeGreaterThanOrEqual(SETTLE_MS - 500)
  expect((await settled({ empty: true })).ms).toBeLessThan(AT_ONCE_MS)
})

it('names who is connected and has not answered in view of this claim, but neither itself nor who is only known', async () => {
  present = ['self', 'a', 'mute', 'slow']
  views = [memberView('a', { term: TERM }), memberView('slow', { term: TERM - 1 })]
  expect((await settled({ known: ['gone'] })).silent).toEqual(['mute', 'slow'])
})

import { demotionReason, type RoleEvent, type RoleState, transition } from '../../src/elect/role.js'

const states = {
  stopped: { role: 'stopped' },
  follower: { role: 'follower' },
  newcomer: { role: 'candidate', reignSince: undefined },
  'reclaiming since 3': { role: 'candidate', reignSince: 3 },
  'leader of 5 since 3': { role: 'leader', term: 5, reignSince: 3 },
  'leader of 7': { role: 'leader', term: 7, reignSince: 7 },
  'leader of 7 since 3': { role: 'leader', term: 7, reignSince: 3 },
} as const satisfies Record<string, RoleState>

const events = {
  started: { type: 'started' },
  leaseAcquired: { type: 'leaseAcquired' },
  'caughtUp 7, unbroken': { type: 'caughtUp', term: 7, unbroken: true },
  'caughtUp 7': { type: 'caughtUp', term: 7, unbroken: false },
  disconnected: { type: 'disconnected' },
  leaseEnded: { type: 'leaseEnded', reason: 'expired' },
  stopped: { type: 'stopped' },
} as const satisfies Record<string, RoleEvent>

type State = keyof typeof states
type Event = keyof typeof events

/** What is not here changes nothing. */
const table: [State, Event, State][] = [
  ['stopped', 'started', 'follower'],

  ['follower', 'leaseAcquired', 'newcomer'],
  ['follower', 'stopped', 'stopped'],

  ['newcomer', 'caughtUp 7', 'leader of 7'],
  ['newcomer', 'caughtUp 7, unbroken', 'leader of 7'],
  ['newcomer', 'leaseEnded', 'follower'],
  ['newcomer', 'stopped', 'stopped'],

  ['reclaiming since 3', 'caughtUp 7', 'leader of 7'],
  ['reclaiming since 3', 'caughtUp 7, unbroken', 'leader of 7 since 3'],
  ['reclaiming since 3', 'leaseEnded', 'follower'],
  ['reclaiming since 3', 'stopped', 'stopped'],

  ['leader of 5 since 3', 'disconnected', 'reclaiming since 3'],
  ['leader of 5 since 3', 'leaseEnded', 'follower'],
  ['leader of 5 since 3', 'stopped', 'stopped'],
]

it.each(table)('%s, %s: %s', (before, event, after) => {
  expect(transition(states[before], events[event])).toEqual(states[after])
})

const noChange = (['stopped', 'follower', 'newcomer', 'reclaiming since 3', 'leader of 5 since 3'] as const)
  .flatMap((state) => (Object.keys(events) as Event[]).map((event) => [state, event] as const))
  .filter(([state, event]) => !table.some(([before, on]) => before === state && on === event))

it.each(noChange)('%s, %s: stays, as the very same value', (state, event) => {
  expect(transition(states[state], events[event])).toBe(states[state])
})

it.each([
  [{ type: 'leaseEnded', reason: 'expired' }, 'expired'],
  [{ type: 'leaseEnded', reason: 'fenced' }, 'fenced'],
  [{ type: 'disconnected' }, 'disconnected'],
  [{ type: 'stopped' }, 'stopped'],
] as const)('a leader is demoted by %j because it is %s', (event, reason) => {
  expect(demotionReason(event)).toBe(reason)
})

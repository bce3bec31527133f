import type { DemotionReason } from '../events.js'

/**
 * The role of an instance. A candidate holds the lease and is on its way: it claims, catches up, serves. It becomes one
 * again when its connection closes, because a term ends with its connection; the reign goes on if nobody claimed
 * meanwhile.
 */
export type RoleState =
  | { readonly role: 'stopped' }
  | { readonly role: 'follower' }
  | {
      readonly role: 'candidate'
      /** The first term of the reign that it tries to go on with; undefined for a new one. */
      readonly reignSince: number | undefined
    }
  | {
      readonly role: 'leader'
      readonly term: number
      /** First term of its reign: requests meant for any term since then are meant for this leader. */
      readonly reignSince: number
    }

export type RoleEvent =
  | { readonly type: 'started' }
  | { readonly type: 'leaseAcquired' }
  /** Claimed `term`, caught up with the log as the claim found it. `unbroken`: nobody else had claimed since. */
  | { readonly type: 'caughtUp'; readonly term: number; readonly unbroken: boolean }
  | { readonly type: 'disconnected' }
  | { readonly type: 'leaseEnded'; readonly reason: DemotionReason }
  | { readonly type: 'stopped' }

/** The next role. Pure; an event that does not fit a role leaves it as it is. */
export function transition(state: RoleState, event: RoleEvent): RoleState {
  switch (event.type) {
    case 'started':
      return state.role === 'stopped' ? { role: 'follower' } : state
    case 'leaseAcquired':
      return state.role === 'follower' ? { role: 'candidate', reignSince: undefined } : state
    case 'caughtUp': {
      if (state.role !== 'candidate') return state
      const { reignSince = event.term } = event.unbroken ? state : {}
      return { role: 'leader', term: event.term, reignSince }
    }
    case 'disconnected':
      return state.role === 'leader' ? { role: 'candidate', reignSince: state.reignSince } : state
    case 'leaseEnded':
      return state.role === 'candidate' || state.role === 'leader' ? { role: 'follower' } : state
    case 'stopped':
      return state.role === 'stopped' ? state : { role: 'stopped' }
  }
}

/** Why a leader that went from `before` to its next role does not lead any more. */
export function demotionReason(event: RoleEvent): DemotionReason {
  if (event.type === 'leaseEnded') return event.reason
  return event.type === 'disconnected' ? 'disconnected' : 'stopped'
}

import type { InstanceStatus } from '@leasehold/core'

/** How far behind a replica may be, and still be called healthy. */
export interface LagBounds {
  /** Entries. Default 1000. */
  readonly maxLag: number
  /** Milliseconds since it was last at the head. Default 10000. */
  readonly maxLagMs: number
  /** True if the caller named a bound: a replica that cannot know its lag then fails. */
  readonly asked: boolean
}

/** What a health check found: healthy, or why not. */
export type Health = { readonly ok: true } | { readonly ok: false; readonly reason: string }

const HEALTHY: Health = { ok: true }
const DEFAULT_MAX_LAG = 1000
const DEFAULT_MAX_LAG_MS = 10_000

/** Reads `maxLag` and `maxLagMs`; a string that says what is wrong with them if they are no numbers. */
export function parseBounds(query: URLSearchParams): LagBounds | string {
  const maxLag = query.get('maxLag')
  const maxLagMs = query.get('maxLagMs')
  if (maxLag !== null && !/^\d{1,15}$/.test(maxLag)) return 'maxLag must be a whole number of entries'
  if (maxLagMs !== null && !/^\d{1,15}$/.test(maxLagMs))
    return 'maxLagMs must be a whole number of milliseconds'
  return {
    maxLag: maxLag === null ? DEFAULT_MAX_LAG : Number(maxLag),
    maxLagMs: maxLagMs === null ? DEFAULT_MAX_LAG_MS : Number(maxLagMs),
    asked: maxLag !== null || maxLagMs !== null,
  }
}

/** Alive: the control loop ran within `maxIdleMs`. A node that is not started has no loop, and is not to be killed for it. */
export function isAlive({ role, idleMs }: InstanceStatus, maxIdleMs: number): Health {
  if (role === 'stopped' || idleMs <= maxIdleMs) return HEALTHY
  return sick(`the control loop has not run for ${Math.round(idleMs)} ms`)
}

/** Ready: it leads, or its replica is close enough to the log's head; and it is not about to stop. */
export function isReady(status: InstanceStatus, bounds: LagBounds, shuttingDown: boolean): Health {
  if (shuttingDown) return sick('shutting down')
  return status.isLeader ? HEALTHY : isInStep(status, bounds)
}

/** A replica for reads: it follows, and is close enough to the log's head. */
export function isReplica(status: InstanceStatus, bounds: LagBounds, shuttingDown: boolean): Health {
  if (shuttingDown) return sick('shutting down')
  return status.isLeader ? sick('this instance is the leader') : isInStep(status, bounds)
}

/** The leader. */
export function isLeading({ isLeader, role }: InstanceStatus): Health {
  return isLeader ? HEALTHY : sick(role === 'leader' ? 'the lease ran out' : `the role is ${role}`)
}

function isInStep(status: InstanceStatus, { maxLag, maxLagMs, asked }: LagBounds): Health {
  if (status.role === 'stopped') return sick('not started')
  if (status.halted) return sick(`the replica does not apply the log: ${status.halted}`)
  if (!status.caughtUp) return sick('the replica has not caught up yet')
  // With Redis out of reach every replica is stale. Failing them all would end the reads that can go on, so only those
  // who ask for a bound are told that it cannot be vouched for.
  if (status.stale && asked) return sick('the replica cannot know how far behind it is')
  if (status.lagEntries > maxLag) return sick(`${status.lagEntries} entries behind, the bound is ${maxLag}`)
  if (status.lagMs > maxLagMs) return sick(`${Math.round(status.lagMs)} ms behind, the bound is ${maxLagMs}`)
  return HEALTHY
}

function sick(reason: string): Health {
  return { ok: false, reason }
}

import type { Member, MemberView } from '../elect/members.js'
import type { LeaderChange, LeaderInfo, Role } from '../events.js'
import type { AuditStatus } from './audit.js'
import type { Position } from '../position.js'
import type { Halt } from '../replicate/catch-up-listener.js'

/** What one instance says of itself, from memory: no call to Redis is made for it. */
export interface InstanceStatus {
  readonly id: string
  readonly name: string
  readonly url: string | undefined
  readonly role: Role
  /** Term of the leader that this instance knows, its own if it leads; 0 before any is known. */
  readonly term: number
  readonly isLeader: boolean
  readonly leader: LeaderInfo | undefined
  readonly position: Position
  /** Entries that the log was ahead of this replica when it last looked. */
  readonly lagEntries: number
  /** For how long this replica has not been at the head that it knew of, in ms; 0 when it is. */
  readonly lagMs: number
  /** True if the replica cannot know how old its data is: the log is out of reach, lost, or behind the replica. */
  readonly stale: boolean
  /** True once the replica has reached the head that the log had at start, until it has to rebuild itself. */
  readonly caughtUp: boolean
  /** Why the replica does not apply the log, if it does not. */
  readonly halted: Halt | undefined
  /** How many instances would run for leadership before this one. */
  readonly rank: number
  /** Whether this instance may lead, and if not, why. */
  readonly eligible: boolean
  readonly ineligibleBecause: string | undefined
  /** What the comparison with other replicas came to. */
  readonly audit: AuditStatus
  /** Whether the group was paused when this instance last heard. */
  readonly paused: boolean
  /** Writes that wait for the log. */
  readonly queuedWrites: number
  /** Milliseconds since the control loop of this instance last ran; large if the event loop is stuck. */
  readonly idleMs: number
}

/** An instance as the group sees it. */
export interface MemberStatus {
  readonly id: string
  readonly name: string
  readonly url: string | undefined
  readonly publicUrl: string | undefined
  readonly role: Role
  readonly appliedIndex: number
  readonly lagEntries: number
  /** False once it has been silent for three heartbeats. After thirty, or when it stops, it is not listed any more. */
  readonly alive: boolean
  /** Why its replica does not apply the log, if it does not. */
  readonly halted: Halt | undefined
  readonly eligible: boolean
  readonly priority: number
  /** Version of its state machine; 0 without one. They differ during a rolling deploy. */
  readonly appVersion: number
  /** How busy its event loop was between the last two heartbeats, by utilisation or delay, 0 to 1. */
  readonly load: number
}

/** The BullMQ queue through which an instance hears from the leader how far the log reaches. */
export interface JobQueue {
  /** BullMQ's `prefix`: the same for all queues of a group. */
  readonly prefix: string
  /** The instance's id: new at each start of its process. */
  readonly name: string
  /** Whose it is. */
  readonly member: MemberStatus
}

/**
 * The times of a highly available system, in ms; undefined until measured. `totalMs` is the sum of those that are known.
 */
export interface Times {
  /** T_request: from `write` to the log's acknowledgement on the leader, a moving average. */
  readonly requestMs: number | undefined
  /** T_copy: from there until every living instance has applied it, a moving average. */
  readonly copyMs: number | undefined
  /** T_recover: the last change of leader, from the last sign of the one before to the first write served. */
  readonly recoverMs: number | undefined
  readonly totalMs: number | undefined
}

/** The group as its log's Redis and its members describe it. */
export interface GroupStatus {
  readonly name: string
  readonly leader: LeaderInfo | undefined
  readonly term: number
  readonly head: number
  /** How often leadership has changed hands since the log was created. */
  readonly leaderChanges: number
  /** The last hundred changes of leader, newest first: a term that began on a new connection is one, too. */
  readonly history: readonly LeaderChange[]
  readonly members: readonly MemberStatus[]
  /** While it is, nobody takes over by itself. */
  readonly paused: boolean
  /** Ms until that ends by itself; undefined if it does not. */
  readonly pauseLeftMs: number | undefined
  readonly times: Times
  /** C = (1/n) Σ dᵢ: the mean number of entries that the living replicas are behind the head. */
  readonly inconsistency: number
}

/** C = (1/n) Σ dᵢ over the living members; 0 for none. */
export function inconsistencyOf(members: readonly Pick<MemberStatus, 'alive' | 'lagEntries'>[]): number {
  const alive = members.filter((member) => member.alive)
  return alive.length === 0 ? 0 : alive.reduce((sum, member) => sum + member.lagEntries, 0) / alive.length
}

/** A member as its record has it, with what is known of it besides. */
export function memberStatusOf(
  view: MemberView,
  known: {
    readonly role: Role
    readonly appliedIndex: number
    readonly head: number
    readonly alive: boolean
  },
): MemberStatus {
  const { role, appliedIndex, head, alive } = known
  return {
    id: view.id,
    name: view.name,
    url: view.url,
    publicUrl: view.publicUrl,
    role,
    appliedIndex,
    lagEntries: Math.max(0, head - appliedIndex),
    alive,
    halted: view.halted,
    eligible: view.eligible,
    priority: view.priority,
    appVersion: view.version,
    load: view.load,
  }
}

/** What a leader measures, and the sum of it. */
export function timesOf(times: Member['times']): Times {
  const known = Object.values(times ?? {}).filter((value) => value !== undefined)
  return {
    requestMs: times?.requestMs,
    copyMs: times?.copyMs,
    recoverMs: times?.recoverMs,
    totalMs: known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0),
  }
}

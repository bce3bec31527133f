import type { MemberView } from '../elect/members.js'
import type { LeaderInfo, Role } from '../events.js'
import type { Instance } from '../instance.js'
import type { Position } from '../position.js'

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
  readonly halted: 'DIVERGED' | 'LOG_LOST' | 'VERSION_TOO_OLD' | undefined
  /** Whether this instance may lead, and if not, why. */
  readonly eligible: boolean
  readonly ineligibleBecause: string | undefined
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
  /** False once it has been silent for three heartbeats. */
  readonly alive: boolean
  readonly eligible: boolean
  readonly priority: number
  /** Event-loop utilisation between the last two heartbeats, 0 to 1. */
  readonly load: number
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
  readonly members: readonly MemberStatus[]
  readonly times: Times
  /** C = (1/n) Σ dᵢ: the mean number of entries that the living replicas are behind the head. */
  readonly inconsistency: number
}

/** C = (1/n) Σ dᵢ over the living members; 0 for none. */
export function inconsistencyOf(members: readonly Pick<MemberStatus, 'alive' | 'lagEntries'>[]): number {
  const alive = members.filter((member) => member.alive)
  return alive.length === 0 ? 0 : alive.reduce((sum, member) => sum + member.lagEntries, 0) / alive.length
}

/** Heartbeats without an answer from the log after which local data is of unknown age. */
const STALE_HEARTBEATS = 3

/** This instance from memory. */
export function describeInstance(instance: Instance): InstanceStatus {
  const { options, elector, leadership, applier, catchUp, heartbeat, writer, ineligibleBecause } = instance
  const { state } = elector
  const silent = catchUp.silentMs > STALE_HEARTBEATS * options.heartbeatMs
  return {
    id: options.id,
    name: options.name,
    url: instance.url,
    role: state.role,
    term: state.role === 'leader' ? state.term : (leadership.leader?.term ?? leadership.floor),
    isLeader: elector.leads,
    leader: leadership.leader,
    position: applier.position,
    lagEntries: Math.max(0, catchUp.head - applier.index),
    lagMs: catchUp.behindMs,
    stale: silent || catchUp.halted !== undefined,
    caughtUp: instance.caughtUp,
    halted: catchUp.halted,
    eligible: ineligibleBecause === undefined,
    ineligibleBecause,
    queuedWrites: writer.queued,
    idleMs: heartbeat.idleMs,
  }
}

/** The group as Redis has it now, with what this instance has heard since the last heartbeats. */
export async function describeGroup(instance: Instance): Promise<GroupStatus> {
  const { options, applier, leadership, roster, elector, parts } = instance
  const [page, views] = await Promise.all([parts.log.read(applier.index, 0, undefined), parts.members.list()])
  const { leader } = leadership
  const members = views.map((view) => describeMember(instance, roster.withProgress(view), page.head))
  const times = elector.leads ? instance.times : views.find(({ id }) => id === leader?.id)?.times
  return {
    name: options.group,
    leader,
    term: page.term,
    head: page.head,
    leaderChanges: page.leaderChanges,
    members,
    times: {
      requestMs: times?.requestMs,
      copyMs: times?.copyMs,
      recoverMs: times?.recoverMs,
      totalMs: sumOf(Object.values(times ?? {})),
    },
    inconsistency: inconsistencyOf(members),
  }
}

function describeMember(instance: Instance, view: MemberView, head: number): MemberStatus {
  const { options, elector, leadership, applier, roster } = instance
  const isSelf = view.id === options.id
  const isLeader = view.id === leadership.leader?.id
  const role = isSelf
    ? elector.state.role
    : isLeader
      ? 'leader'
      : view.role === 'leader'
        ? 'follower'
        : view.role
  // A leader applies an entry before it acknowledges it, so its replica is at the head; its heartbeat is older.
  const appliedIndex = isSelf ? applier.index : isLeader ? head : view.index
  return {
    id: view.id,
    name: view.name,
    url: view.url,
    publicUrl: view.publicUrl,
    role,
    appliedIndex,
    lagEntries: Math.max(0, head - appliedIndex),
    alive: roster.isAlive(view),
    eligible: view.eligible,
    priority: view.priority,
    load: view.load,
  }
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0)
}

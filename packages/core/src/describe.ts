import { rankOfInstance } from './candidacy.js'
import { isGone, type Member, type MemberView } from './elect/members.js'
import type { Instance } from './instance.js'
import {
  type GroupStatus,
  inconsistencyOf,
  type InstanceStatus,
  type MemberStatus,
  memberStatusOf,
  timesOf,
} from './operate/status.js'

/** Heartbeats without an answer from the log after which local data is of unknown age. */
const STALE_HEARTBEATS = 3

/** Whether the replica cannot know how old its data is: the log is out of reach, lost, or behind the replica. */
export function isStale({ options, catchUp }: Instance): boolean {
  return catchUp.seen.silentMs > STALE_HEARTBEATS * options.heartbeatMs || catchUp.halted !== undefined
}

/** This instance from memory. */
export function describeInstance(instance: Instance): InstanceStatus {
  const { options, elector, leadership, applier, catchUp, heartbeat, writer, ineligibleBecause } = instance
  const { state } = elector
  return {
    id: options.id,
    name: options.name,
    url: instance.url,
    role: state.role,
    term: state.role === 'leader' ? state.term : (leadership.leader?.term ?? leadership.floor),
    isLeader: instance.leads,
    leader: leadership.leader,
    position: applier.position,
    lagEntries: Math.max(0, catchUp.head - applier.index),
    lagMs: catchUp.seen.behindMs,
    stale: isStale(instance),
    caughtUp: instance.caughtUp,
    halted: catchUp.halted,
    rank: rankOfInstance(instance),
    eligible: ineligibleBecause === undefined,
    ineligibleBecause,
    audit: instance.audit.status,
    paused: instance.pause.active,
    queuedWrites: writer.queued,
    idleMs: heartbeat.idleMs,
  }
}

/** The group as Redis has it now, with what this instance has heard since the last heartbeats. */
export async function describeGroup(instance: Instance): Promise<GroupStatus> {
  const { options, applier, leadership, roster, elector, parts } = instance
  const [page, views, { paused, pauseLeftMs }, history] = await Promise.all([
    parts.log.read(applier.index, 0, undefined),
    parts.members.list(),
    parts.orders.read(),
    parts.log.changes(),
  ])
  const { leader } = leadership
  const members = views
    .filter((view) => !isGone(view, options.heartbeatMs))
    .map((view) => describeMember(instance, roster.withProgress(view), page.head))
  const times = elector.leads ? measuredBy(instance) : views.find(({ id }) => id === leader?.id)?.times
  return {
    name: options.group,
    leader,
    term: page.term,
    head: page.head,
    leaderChanges: page.leaderChanges,
    history,
    members,
    paused,
    pauseLeftMs,
    times: timesOf(times),
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
  return memberStatusOf(view, { role, appliedIndex, head, alive: roster.isAlive(view) })
}

/** What this instance tells the others of itself with each heartbeat. */
export function describeSelf(instance: Instance, load: number): Member {
  const { id, name, priority, heartbeatMs, leaseTtlMs, commandTimeoutMs } = instance.options
  return {
    id,
    name,
    url: instance.url,
    publicUrl: instance.publicUrl,
    role: instance.elector.state.role,
    // While it loads a snapshot, the log behind that one must stay.
    index: instance.catchUp.neededIndex,
    applied: { term: instance.applier.position.term, index: instance.applier.index },
    term: instance.catchUp.compared.term,
    nonce: instance.catchUp.compared.nonce,
    ahead: instance.catchUp.halted === 'LOG_LOST',
    eligible: instance.ineligibleBecause === undefined,
    priority,
    load: Math.round(load * 1000) / 1000,
    version: instance.parts.machine?.version ?? 0,
    secretVersion: instance.membership.version,
    halted: instance.catchUp.halted,
    ...(instance.catchUp.loading && { loading: true }),
    audit: instance.audit.record(),
    timing: { heartbeatMs, leaseTtlMs, commandTimeoutMs },
    ...(instance.elector.leads && { times: measuredBy(instance) }),
  }
}

function measuredBy({ requestMs, copyMs, recoverMs }: Instance): NonNullable<Member['times']> {
  return { requestMs: requestMs.value, copyMs: copyMs.value, recoverMs }
}

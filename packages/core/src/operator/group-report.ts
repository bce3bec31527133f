import { isAlive, isGone, type MemberTiming, type MemberView } from '../elect/members.js'
import type { LeaderChange, LeaderInfo } from '../events.js'
import type { LogPage } from '../log/log-store.js'
import type { Orders } from '../operate/orders.js'
import {
  type GroupStatus,
  inconsistencyOf,
  type MemberStatus,
  memberStatusOf,
  timesOf,
} from '../operate/status.js'
import { DEFAULTS } from '../options.js'

/**
 * How an instance is: it applies the log (`running`), loads a snapshot, does not apply the log (`halted`), has not been heard
 * of for three heartbeats or is not connected any more (`silent`), or has stopped.
 */
export type MemberState = 'running' | 'loading' | 'halted' | 'silent' | 'stopped'

/** An instance as an operator sees it. */
export interface MemberReport extends MemberStatus {
  readonly state: MemberState
  /** Term of the last claim that it has compared its replica with. */
  readonly term: number
  /** Age of the oldest entry that it has not applied, in ms; 0 at the head, undefined where that is not known. */
  readonly lagMs: number | undefined
  /** Ms since it was last heard of. */
  readonly silentMs: number
}

/** A group as an operator sees it. `leader` is undefined where whoever claimed last does not lead, or is silent. */
export interface GroupReport extends Omit<GroupStatus, 'members'> {
  /** Empty where there is no log. */
  readonly logId: string
  /** Who has claimed last, whether it is still there or not. */
  readonly lastLeader: LeaderInfo | undefined
  readonly members: readonly MemberReport[]
}

/** What a report is made of. */
export interface GroupLook {
  readonly group: string
  /** Read before the members were: whoever had reached its head by then is not behind. */
  readonly page: LogPage
  readonly views: readonly MemberView[]
  /** Ids of those that are connected; undefined where that is not known. */
  readonly present: ReadonlySet<string> | undefined
  readonly orders: Orders
  readonly history: readonly LeaderChange[]
  /** By id, of those that are behind: age of the oldest entry that they lack. */
  readonly lagsMs: ReadonlyMap<string, number>
}

/** The times that an instance goes by; the defaults for one that does not say. */
export function timingOf({ timing }: MemberView): MemberTiming {
  const { heartbeatMs, leaseTtlMs, commandTimeoutMs } = DEFAULTS
  return timing ?? { heartbeatMs, leaseTtlMs, commandTimeoutMs }
}

/** Whether an instance is taken to be alive. One that only elects need not be connected to the log's Redis for long. */
export function isThere(view: MemberView, present: ReadonlySet<string> | undefined): boolean {
  const mustBePresent = present !== undefined && view.version > 0
  return isAlive(view, timingOf(view).heartbeatMs) && (!mustBePresent || present.has(view.id))
}

/** The instance that leads, if whoever claimed last says so and is there. */
export function leaderIn({
  page,
  views,
  present,
}: Pick<GroupLook, 'page' | 'views' | 'present'>): LeaderInfo | undefined {
  const claimant = views.find(({ id }) => id === page.leader?.id)
  return claimant?.role === 'leader' && isThere(claimant, present) ? page.leader : undefined
}

/** Puts together what was found. */
export function reportOf(look: GroupLook): GroupReport {
  const { group, page, views, orders, history } = look
  const leader = leaderIn(look)
  const members = views
    .filter((view) => view.role === 'stopped' || !isGone(view, timingOf(view).heartbeatMs))
    .map((view) => memberIn(look, view, leader))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    name: group,
    logId: page.logId,
    leader,
    lastLeader: page.leader,
    term: page.term,
    head: page.head,
    leaderChanges: page.leaderChanges,
    history,
    members,
    paused: orders.paused,
    pauseLeftMs: orders.pauseLeftMs,
    times: timesOf(views.find(({ id }) => id === leader?.id)?.times),
    inconsistency: inconsistencyOf(members),
  }
}

function memberIn(look: GroupLook, view: MemberView, leader: LeaderInfo | undefined): MemberReport {
  const { page, present, lagsMs } = look
  const { head } = page
  const leads = view.id === leader?.id
  const alive = isThere(view, present)
  const known = {
    // Somebody who is deposed may not have heard of it.
    role: leads || view.role !== 'leader' ? view.role : 'follower',
    appliedIndex: leads ? head : view.applied.index,
    head,
    alive,
  } as const
  const status = memberStatusOf(view, known)
  return {
    ...status,
    state: stateOf(view, alive),
    term: leads ? page.term : view.term,
    lagMs: status.lagEntries === 0 ? 0 : lagsMs.get(view.id),
    silentMs: view.silentMs,
  }
}

function stateOf({ role, halted, loading }: MemberView, alive: boolean): MemberState {
  if (role === 'stopped') return 'stopped'
  if (!alive) return 'silent'
  if (halted !== undefined) return 'halted'
  return loading ? 'loading' : 'running'
}

import { systemClock } from '../clock.js'
import { isAlive, type MemberView } from '../elect/members.js'
import type { LeaderChange, LeaderInfo } from '../events.js'
import type { Entry } from '../log/entry.js'
import { checkPause, type PauseOptions } from '../operate/pause.js'
import { checkSwitchover, SwitchoverRequest, type SwitchoverOptions } from '../operate/switchover-request.js'
import { DEFAULTS, type RedisTarget } from '../options.js'
import { OperatorParts } from '../redis/operator-parts.js'
import { compareReplicas, type ReplicaComparison } from './comparison.js'
import { examine, type ExamineOptions } from './examine.js'
import type { Finding } from './finding.js'
import { type GroupReport, isThere, leaderIn, reportOf, timingOf } from './group-report.js'
import { plainly } from './plainly.js'

const CONNECT_TIMEOUT_MS = 5000
const LOOK_MS = 10
/** How long those who were asked may take to say anew how far they are; they answer within milliseconds. */
const FRESH_WITHIN_MS = 500
const MAX_ENTRIES = 10_000

/** Options of `openOperator`. */
export interface OperatorOptions {
  readonly group: string
  /** The Redis that holds the group's log. */
  readonly redis: RedisTarget
  /** How long to try to connect, in ms. Default 5000. */
  readonly connectTimeoutMs?: number
  /** How long a Redis command may take, in ms. Default 2000. */
  readonly commandTimeoutMs?: number
}

/** A part of the log. */
export interface LogSlice {
  readonly logId: string
  /** Index of the last entry of the whole log; 0 if it has none. */
  readonly head: number
  /** Index of the oldest entry that is still there. */
  readonly first: number
  readonly entries: readonly Entry[]
}

/**
 * Connects to a group's Redis as an operator: no instance is started, nobody learns of it, and it can never lead.
 *
 * @throws OptionsError
 * @throws LeaseholdError `REDIS_UNREACHABLE`
 */
export async function openOperator(options: OperatorOptions): Promise<Operator> {
  const { commandTimeoutMs = DEFAULTS.commandTimeoutMs, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const parts = new OperatorParts({ ...options, commandTimeoutMs }, systemClock)
  try {
    await parts.open(connectTimeoutMs)
  } catch (error) {
    parts.close()
    throw error
  }
  return new Operator(options.group, parts)
}

/** The groups of a server. */
export interface ListedGroups {
  /** Where it is, without user name and password. */
  readonly place: string
  readonly names: readonly string[]
  /** False if it has so many keys that the search was given up; there may be more groups then. */
  readonly complete: boolean
}

/**
 * Looks for groups on a server, for three seconds at most. Undefined where they cannot be listed: in a Cluster each server has
 * some, and SCAN may be forbidden.
 *
 * @throws as `openOperator`.
 */
export async function listGroups(options: Omit<OperatorOptions, 'group'>): Promise<ListedGroups | undefined> {
  const {
    commandTimeoutMs = DEFAULTS.commandTimeoutMs,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
    redis,
  } = options
  const parts = new OperatorParts({ group: 'any', redis, commandTimeoutMs }, systemClock)
  try {
    await parts.open(connectTimeoutMs)
    const found = await plainly(parts.groups(redis))
    return found && { place: parts.place, ...found }
  } finally {
    parts.close()
  }
}

/**
 * A group from outside: what it keeps in Redis, and the orders that operators give there. Made by `openOperator`; every call
 * rejects with `REDIS_UNREACHABLE` where Redis does not answer, and with `REDIS_FORBIDDEN` where it refuses.
 *
 * @example
 * ```ts
 * const operator = await openOperator({ group: 'bank', redis: 'redis://127.0.0.1:6379' })
 * const { leader, members } = await operator.groupStatus()
 * await operator.switchover({ to: 'bank-2' })
 * operator.close()
 * ```
 */
export class Operator {
  readonly group: string
  readonly #parts: OperatorParts

  constructor(group: string, parts: OperatorParts) {
    this.group = group
    this.#parts = parts
  }

  /** Where Redis is, without user name and password. */
  get place(): string {
    return this.#parts.place
  }

  /** The group now. Has every instance say first how far it is, and waits for that for half a second at most. */
  groupStatus(): Promise<GroupReport> {
    return plainly(this.#groupStatus())
  }

  /** The last hundred changes of leader, newest first. */
  history(): Promise<readonly LeaderChange[]> {
    return plainly(this.#parts.log.changes())
  }

  /**
   * As `node.switchover`: has another instance lead, and resolves with it once it serves.
   *
   * @throws SwitchoverFailedError whose `reason` says why it did not take place.
   * @throws LeaseholdError `NO_LEADER`
   * @throws OptionsError
   */
  async switchover(options: SwitchoverOptions = {}): Promise<LeaderInfo> {
    const { to, timeoutMs } = checkSwitchover(options)
    const { clock, orders } = this.#parts
    let leader = await plainly(this.#leader())
    const known = async () => {
      const untilMs = clock.now() + FRESH_WITHIN_MS
      while (!leader && clock.now() < untilMs) {
        await clock.sleep(LOOK_MS)
        leader = await this.#leader()
      }
    }
    const request = new SwitchoverRequest({
      ...{ orders, clock, known, leader: () => leader },
      claimant: async () => (await this.#page()).leader,
      announce: () => void this.#announce(),
      ordered: () => {},
    })
    return plainly(request.run(to, timeoutMs, new AbortController().signal))
  }

  /**
   * As `node.pause`: nobody takes over by itself, until `resume` or for so long.
   *
   * @throws OptionsError
   */
  async pause(options: PauseOptions = {}): Promise<void> {
    const { forMs } = checkPause(options)
    await plainly(this.#parts.orders.pause(forMs))
    await this.#announce()
  }

  /** Ends a pause. */
  async resume(): Promise<void> {
    await plainly(this.#parts.orders.resume())
    await this.#announce()
  }

  /** Entries behind the index `after`, at most `limit` (up to 10000), and at most about a mebibyte of them. */
  async readLog(after: number, limit: number): Promise<LogSlice> {
    const { log } = this.#parts
    const { logId, head, first, entries } = await plainly(
      log.read(Math.max(0, after), Math.min(limit, MAX_ENTRIES), undefined),
    )
    return { logId, head, first, entries }
  }

  /**
   * Compares what the replicas say that they computed, after each was asked to say it anew; waits for that for two heartbeats
   * at most. Finds what the audit of the leader finds, and also where there is no leader.
   */
  async compareReplicas(): Promise<ReplicaComparison> {
    return plainly(this.#compareReplicas())
  }

  /** Looks whether Redis is fit for the group, and whether the group is well. Changes nothing. */
  examine(options: ExamineOptions = {}): Promise<Finding[]> {
    return plainly(examine(this.#parts, options))
  }

  close(): void {
    this.#parts.close()
  }

  async #groupStatus(): Promise<GroupReport> {
    const { log, members, orders, clock } = this.#parts
    const untilMs = clock.now() + FRESH_WITHIN_MS
    // Before the members are asked: who writes meanwhile must not make them look late.
    let page = await this.#page()
    await this.#refresh(untilMs)
    let [views, present] = await Promise.all([members.list(), this.#parts.present()])
    // Whoever has just claimed has not said yet that it leads.
    while (
      !leaderIn({ page, views, present }) &&
      clock.now() < untilMs &&
      views.some((view) => isThere(view, present))
    ) {
      await clock.sleep(LOOK_MS)
      page = await this.#page()
      ;[views, present] = await Promise.all([members.list(), this.#parts.present()])
    }
    const [ordered, history, lagsMs] = await Promise.all([
      orders.read(),
      log.changes(),
      this.#lags(page.head, views),
    ])
    return reportOf({ group: this.group, page, views, present, orders: ordered, history, lagsMs })
  }

  async #compareReplicas(): Promise<ReplicaComparison> {
    const { members, clock } = this.#parts
    const { head } = await this.#page()
    const before = await members.list()
    const heartbeatMs = Math.max(0, ...before.map((view) => timingOf(view).heartbeatMs))
    const fresh = await this.#refresh(
      clock.now() + Math.max(FRESH_WITHIN_MS, Math.min(2 * heartbeatMs, 10_000)),
    )
    const alive = (await members.list()).filter((view) => isAlive(view, timingOf(view).heartbeatMs))
    return compareReplicas(
      head,
      alive
        .map((view) => ({ view, fresh: fresh.has(view.id) }))
        .toSorted((a, b) => (a.view.name < b.view.name ? -1 : 1)),
    )
  }

  /** Has all instances say anew how they are. Returns the ids of those that have, by `untilMs`. */
  async #refresh(untilMs: number): Promise<ReadonlySet<string>> {
    const { members, clock } = this.#parts
    const startedMs = clock.now()
    await this.#announce()
    const present = await this.#parts.present()
    for (;;) {
      const asked = (await members.list()).filter((view) => isThere(view, present))
      const fresh = asked.filter(({ silentMs }) => silentMs < clock.now() - startedMs)
      if (fresh.length === asked.length || clock.now() >= untilMs) return new Set(fresh.map(({ id }) => id))
      await clock.sleep(LOOK_MS)
    }
  }

  /** By id, how old the oldest entry is that an instance lacks. */
  async #lags(head: number, views: readonly MemberView[]): Promise<ReadonlyMap<string, number>> {
    const behind = views.filter(({ applied }) => applied.index < head)
    if (behind.length === 0) return new Map()
    const nowMs = await this.#parts.serverTimeMs()
    const lags = behind.map(async ({ id, applied }): Promise<[string, number][]> => {
      const { entries } = await this.#parts.log.read(applied.index, 1, undefined)
      return entries.map(({ timeMs }) => [id, Math.max(0, nowMs - timeMs)])
    })
    return new Map((await Promise.all(lags)).flat())
  }

  async #leader(): Promise<LeaderInfo | undefined> {
    const [page, views, present] = await Promise.all([
      this.#page(),
      this.#parts.members.list(),
      this.#parts.present(),
    ])
    return leaderIn({ page, views, present })
  }

  #page() {
    return this.#parts.log.read(0, 0, undefined)
  }

  /** A notice that is lost costs a heartbeat. */
  async #announce(): Promise<void> {
    await this.#parts.announceOrders().catch(() => {})
  }
}

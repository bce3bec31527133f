import type { Clock } from './clock.js'
import { demotionReason, type RoleEvent, type RoleState } from './elect/role.js'
import type { ChangeReason, DemotionReason, NodeEvents } from './events.js'
import type { Logger } from './observe/logger.js'
import type { Meters } from './observe/meters.js'

/** Reasons of a change that nobody had planned. */
type Unplanned = Exclude<ChangeReason, 'switchover' | 'stopped'>

/** Reigns that ended as they were meant to. */
const PLANNED: ReadonlySet<DemotionReason | ChangeReason> = new Set(['stopped', 'switchover'])

/** A snapshot that was taken or loaded. */
interface SnapshotWork {
  readonly index: number
  readonly bytes: number
  readonly ms: number
}

/**
 * What happens to an instance, written down as it happens: one line in the log for each transition, with its reason and its
 * times, and one more in the meters. It is told of everything, and asked by nobody.
 *
 * The field `event` of a line is stable, as the names of fields are; the words are not.
 */
export class Chronicle {
  readonly #id: string
  readonly #logger: Logger
  readonly #meters: Meters
  readonly #clock: Clock
  /** Who led last, as far as is known, and since when nobody does. */
  #lastLeader: string | undefined
  #vacantSinceMs: number | undefined
  /** Why the one before the present leader does not lead any more. */
  #reason: ChangeReason | undefined
  #reignSinceMs = 0

  constructor(parts: { id: string; logger: Logger; meters: Meters; clock: Clock }) {
    this.#id = parts.id
    this.#logger = parts.logger
    this.#meters = parts.meters
    this.#clock = parts.clock
  }

  /** The role has changed. Where it was that of a leader, or is, its event says more, and comes with it. */
  roleChanged(next: RoleState, before: RoleState, event: RoleEvent): void {
    if (next.role === 'leader' || before.role === 'leader') return
    const reason = event.type === 'leaseEnded' ? { reason: demotionReason(event) } : {}
    this.#logger.info(
      { event: 'roleChanged', from: before.role, to: next.role, because: event.type, ...reason },
      `the role is ${next.role}`,
    )
  }

  /** An event of the node, before its listeners hear of it. */
  happened<K extends keyof NodeEvents>(event: K, [what]: NodeEvents[K]): void {
    this.#writers[event]?.(what)
  }

  /** What each event comes to. An `error` is reported where it occurs, with the entry that it belongs to. */
  readonly #writers: { readonly [K in keyof NodeEvents]?: (told: NodeEvents[K][0]) => void } = {
    leaderChanged: ({ leader, reason }) => this.#leaderChanged(leader, reason),
    elected: (told) => this.#elected(told),
    demoted: ({ term, reason }) => {
      this.#meters.count('demotions', reason)
      this.#logger[PLANNED.has(reason) ? 'info' : 'warn'](
        { event: 'demoted', term, reason, reignMs: this.#since(this.#reignSinceMs) },
        'this instance does not lead any more',
      )
    },
    caughtUp: ({ position }) =>
      this.#logger.info({ event: 'caughtUp', ...position }, 'the replica is at the head of the log'),
    diverged: ({ position, agreedIndex, lost }) => {
      this.#meters.count('diverged', '')
      this.#meters.count('divergedEntries', '', lost)
      this.#logger.error(
        { event: 'diverged', ...position, agreedIndex, lost },
        'the replica was off the log, and rebuilds itself',
      )
    },
    differed: ({ id, from, to }) => {
      if (id === this.#id) this.#meters.count('differed', '')
      this.#logger.error({ event: 'differed', replica: id, from, to }, 'a replica computed something else')
    },
    logLost: ({ position, head }) => {
      this.#meters.count('logLost', '')
      this.#logger.error(
        { event: 'logLost', ...position, head },
        'the log has lost entries that this replica has',
      )
    },
    warning: ({ code, message }) => {
      this.#meters.count('warnings', code)
      this.#logger.warn({ event: 'warning', code }, message)
    },
  }

  /** A snapshot was taken and stored, or loaded. */
  snapshot(what: 'taken' | 'loaded', { index, bytes, ms }: SnapshotWork): void {
    this.#meters.count('snapshots', what)
    this.#meters.observe(what === 'taken' ? 'snapshotTaking' : 'snapshotLoading', ms)
    this.#meters.snapshotBytes[what] = bytes
    this.#logger.info(
      { event: what === 'taken' ? 'snapshotTaken' : 'snapshotLoaded', index, bytes, ms: Math.round(ms) },
      `a snapshot was ${what}`,
    )
  }

  /** The group was paused, or is not any more, as this instance heard. */
  paused(active: boolean): void {
    this.#logger.info(
      { event: active ? 'paused' : 'resumed' },
      active ? 'the group is paused: nobody takes over by itself' : 'the group is not paused any more',
    )
  }

  #leaderChanged(...[leader, reason]: [NodeEvents['leaderChanged'][0]['leader'], ChangeReason | undefined]) {
    const before = this.#lastLeader
    this.#reason = reason
    // Of this instance `elected` and `demoted` tell.
    if (leader === undefined) {
      this.#vacantSinceMs ??= this.#clock.now()
      if (before !== this.#id)
        this.#logger.info({ event: 'leaderChanged', before, reason }, 'nobody is known to lead')
      return
    }
    if (leader.id === this.#id) return
    const { id, term, url } = leader
    const vacantMs = this.#vacantSinceMs === undefined ? undefined : this.#since(this.#vacantSinceMs)
    this.#lastLeader = id
    this.#vacantSinceMs = undefined
    this.#logger.info(
      { event: 'leaderChanged', leader: id, term, url, before, reason, vacantMs },
      'another instance leads',
    )
  }

  #elected({ term, recoverMs }: NodeEvents['elected'][0]): void {
    const [before, reason] = [this.#lastLeader, this.#reason]
    this.#lastLeader = this.#id
    this.#vacantSinceMs = undefined
    this.#reignSinceMs = this.#clock.now()
    this.#meters.count('elections', reason ?? 'none')
    if (reason !== undefined) this.#meters.observe('recover', recoverMs)
    // Where nobody has led since this instance is there, the whole group was down, and nobody failed over.
    const wasAnother = before !== undefined && before !== this.#id
    if (reason !== undefined && !PLANNED.has(reason) && wasAnother)
      this.#meters.count('failovers', reason as Unplanned)
    this.#logger.info(
      { event: 'elected', term, before, reason, recoverMs: Math.round(recoverMs) },
      'this instance leads',
    )
  }

  #since(ms: number): number {
    return Math.round(this.#clock.now() - ms)
  }
}

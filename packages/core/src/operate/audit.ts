import type { Evidence, EvidenceRecord } from '../apply/evidence.js'
import type { LeaderInfo } from '../events.js'
import type { MemberAudit, MemberView, Naming } from '../elect/members.js'
import type { Doubt, Halt } from '../replicate/catch-up-listener.js'
import { Ballots, type Voter } from './ballots.js'

/** A replica that is named again within so many entries after it started over will be so the next time, too. */
const AGAIN_ENTRIES = 4096

/** What the audit works on. */
export interface AuditParts {
  readonly id: string
  /** Version of the state machine: only replicas of the same one must compute the same results. */
  readonly version: number
  /** What the own replica computed; undefined where the audit is off. */
  readonly evidence: Evidence | undefined
  /** The last index that the own replica has applied. */
  readonly index: () => number
  readonly halted: () => Halt | undefined
  /** What the own replica is to start over from, while it is in doubt. */
  readonly startsOverFrom: () => Doubt | undefined
  /** Stops the own replica; false if it was halted otherwise. */
  readonly doubt: (startOverFrom: Doubt) => Promise<boolean>
  readonly leader: () => LeaderInfo | undefined
  /** Appends an entry that changes nothing, so that a snapshot can be newer than what there is. */
  readonly mark: () => void
  /** Ends the own reign, in favour of one of these if possible. */
  readonly stepDown: (heirs: readonly string[]) => Promise<void>
  readonly found: (finding: Finding) => void
}

/** A replica was named: on the instance that found it, and on the one that it belongs to. */
export interface Finding extends Naming {
  /** Whether more than half of the replicas agree; else the leader's stands for what is right. Unknown to the named one. */
  readonly byMajority?: boolean
  /** True if it had started over shortly before, so that it stays halted. */
  readonly again?: boolean
}

/** What the audit says of this instance. */
export interface AuditStatus {
  /** False if the option `audit` is. */
  readonly enabled: boolean
  /** On a leader: the end of the last range of entries in which another replica computed the same; 0 for none. */
  readonly agreedIndex: number
  /** Where this replica computed something else, until it has started over. */
  readonly differs: { readonly from: number; readonly to: number } | undefined
  /** How often it has started over for that. */
  readonly rebuilds: number
}

/** What snapshots are to be like: for replicas that wait for one. */
export interface SnapshotWish {
  /** The least index that helps. */
  readonly index: number | undefined
  /** Who must not make it. */
  readonly barred: (id: string) => boolean
}

/**
 * Finds replicas that computed something else than the others, which the log's history cannot show (G7): the leader
 * compares what all publish, at each heartbeat, and names whoever is alone with it. Whoever is named stops serving, and
 * starts over from a snapshot that somebody else has made behind all that it had applied.
 */
export class Audit {
  readonly #parts: AuditParts
  readonly #ballots: Ballots
  /** As the leader: whom it has named, as long as their replicas are the same as then. */
  readonly #named = new Map<string, Naming>()
  /** Where the own replica is in doubt. */
  #differs: Naming | undefined
  /** Term of the leader under which it stays halted. */
  #stuckIn: number | undefined
  #rebuilds = 0

  constructor(parts: AuditParts) {
    this.#parts = parts
    this.#ballots = new Ballots(parts.id, (entries, to) => parts.evidence?.find(entries, to))
  }

  get status(): AuditStatus {
    const differs = this.#differs
    return {
      enabled: this.#parts.evidence !== undefined,
      agreedIndex: this.#ballots.agreedIndex,
      differs: differs && { from: differs.from, to: differs.to },
      rebuilds: this.#rebuilds,
    }
  }

  /** What this instance publishes. */
  record(): MemberAudit | undefined {
    const { evidence, index, startsOverFrom } = this.#parts
    if (!evidence) return undefined
    return {
      evidence: evidence.record(),
      ...(startsOverFrom() === 'fresh snapshot' && { waitsFor: index() + 1 }),
      ...(this.#named.size > 0 && { named: [...this.#named.values()] }),
    }
  }

  /** The leader's part, at each heartbeat. Returns whether somebody was named. */
  asLeader(followers: readonly MemberView[]): boolean {
    const { id: self, evidence, index, halted, mark } = this.#parts
    if (!evidence) return false
    this.#settle()
    this.#forgive(followers)
    if (followers.some(({ audit }) => (audit?.waitsFor ?? 0) > index())) mark()
    const voters = this.#votersAmong(followers)
    if (this.#differs) void this.#parts.stepDown(voters.map(({ id }) => id))
    if (halted() !== undefined) return false
    for (const { from, to, ids, byMajority } of this.#ballots.round(voters)) {
      if (ids.includes(self)) {
        const heirs = voters.filter(({ id }) => !ids.includes(id)).map(({ id }) => id)
        void this.#nameSelf({ id: self, from, to }, heirs)
        return false // whatever else it finds, it has no say in it
      }
      for (const id of ids) {
        this.#named.set(id, { id, from, to })
        this.#parts.found({ id, from, to, byMajority })
      }
    }
    return this.#named.size > 0
  }

  /** The part of all others, at each heartbeat. */
  async asFollower(others: readonly MemberView[]): Promise<void> {
    const { id: self, evidence, leader, startsOverFrom, doubt } = this.#parts
    if (!evidence) return
    this.#settle()
    this.#named.clear()
    this.#ballots.clear()
    const { id, term } = leader() ?? {}
    const naming = others.find((member) => member.id === id)?.audit?.named?.find((each) => each.id === self)
    // What the leader named may have been started over from since.
    if (naming && term !== undefined && !this.#differs && evidence.since <= naming.to)
      await this.#obey(naming, term)
    if (startsOverFrom() === undefined || startsOverFrom() === 'log') return
    if (term === undefined) {
      if (!others.some(couldLead)) await doubt('log') // there is nobody to wait for, and somebody has to lead
    } else if (this.#stuckIn !== undefined && this.#stuckIn !== term) {
      this.#stuckIn = undefined
      await doubt('fresh snapshot')
    }
  }

  /** What the leader needs of snapshots, so that whoever waits can start over. */
  wish(followers: readonly MemberView[]): SnapshotWish {
    const awaited = followers.flatMap(({ audit }) => audit?.waitsFor ?? [])
    return {
      index: awaited.length > 0 ? Math.max(...awaited) : undefined,
      barred: (id) => this.#named.has(id),
    }
  }

  /** Whether a snapshot must not be switched in, for what its maker computed. `evidence` is as of that snapshot. */
  refuses(maker: MemberView | undefined, evidence: EvidenceRecord | undefined): boolean {
    if (!this.#parts.evidence || !maker) return false
    if (this.#named.has(maker.id) || maker.halted !== undefined) return true
    const comparable = maker.version === this.#parts.version && evidence !== undefined
    return comparable && this.#ballots.contradicts(evidence)
  }

  #votersAmong(followers: readonly MemberView[]): Voter[] {
    return followers.flatMap(({ id, version, halted, audit }) => {
      const counts = version === this.#parts.version && halted === undefined && audit && !this.#named.has(id)
      return counts ? { id, evidence: audit.evidence } : []
    })
  }

  /** Whoever has started over since, or is gone, is not named any more. */
  #forgive(followers: readonly MemberView[]): void {
    for (const { id, to } of this.#named.values()) {
      const evidence = followers.find((member) => member.id === id)?.audit?.evidence
      if (evidence && evidence.since <= to) continue
      this.#named.delete(id)
      this.#ballots.forget(id)
    }
  }

  async #obey(naming: Naming, term: number): Promise<void> {
    const { evidence, doubt, found } = this.#parts
    const again = this.#rebuilds > 0 && naming.to - (evidence?.since ?? 0) < AGAIN_ENTRIES
    if (!(await doubt(again ? 'nothing' : 'fresh snapshot'))) return
    this.#differs = naming
    this.#stuckIn = again ? term : undefined
    found({ ...naming, again })
  }

  /** This leader is alone with what it computed: others must answer from now on. */
  async #nameSelf(naming: Naming, heirs: readonly string[]): Promise<void> {
    const { doubt, found, stepDown } = this.#parts
    if (!(await doubt('fresh snapshot'))) return
    this.#differs = naming
    found({ ...naming, byMajority: true })
    await stepDown(heirs)
  }

  #settle(): void {
    if (!this.#differs || this.#parts.halted() !== undefined) return
    this.#differs = undefined
    this.#stuckIn = undefined
    this.#rebuilds++
  }
}

/** Whoever said last that it leads is gone, where nobody leads. */
function couldLead({ role, eligible, halted }: MemberView): boolean {
  return role !== 'leader' && eligible && halted === undefined
}

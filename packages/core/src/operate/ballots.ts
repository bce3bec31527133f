import {
  differ,
  type EvidenceRecord,
  RANGE_ENTRIES,
  type RangeDigest,
  readEvidence,
} from '../apply/evidence.js'

/** Ranges that a leader remembers what others said of: the last ones that it heard of. */
const REMEMBERED = 512
/** Rounds for which a difference waits for those who have not said anything yet; they may turn a tie. */
const PATIENCE = 4

/** A replica whose evidence counts. */
export interface Voter {
  readonly id: string
  readonly evidence: EvidenceRecord
}

/** Replicas computed something else in a range of entries. */
export interface Difference {
  readonly from: number
  readonly to: number
  /** Who is taken to be wrong. */
  readonly ids: readonly string[]
  /** True if more than half of those who compared agree, so that it is known who is right; else the leader is believed. */
  readonly byMajority: boolean
}

/** What was heard of one range. */
interface Ballot {
  readonly entries: number
  readonly to: number
  readonly heard: Map<string, RangeDigest>
  /** True while there is something in it that was not counted. */
  open: boolean
  /** Rounds since a difference was seen. */
  rounds: number
}

/**
 * Compares what replicas computed, range by range, and finds who is alone with it. More than half of those who can be
 * compared are right. Without such a majority the one that compares is: it leads, and its results are what clients got.
 */
export class Ballots {
  readonly #self: string
  readonly #own: (entries: number, to: number) => RangeDigest | undefined
  /** Oldest first. */
  readonly #ballots = new Map<string, Ballot>()
  #agreedIndex = 0

  constructor(self: string, own: (entries: number, to: number) => RangeDigest | undefined) {
    this.#self = self
    this.#own = own
  }

  /** The last index up to which somebody's evidence was the same as the own. */
  get agreedIndex(): number {
    return this.#agreedIndex
  }

  /** One round: hears all who count, and says who is to be named. Nobody is twice in what it returns. */
  round(voters: readonly Voter[]): Difference[] {
    for (const voter of voters) this.#hear(voter)
    const named = new Set<string>()
    return this.#inOrder().flatMap((ballot) => {
      const difference = this.#count(
        ballot,
        voters.filter(({ id }) => !named.has(id)),
      )
      for (const id of difference?.ids ?? []) named.add(id)
      return difference ?? []
    })
  }

  /** Whether what a replica says contradicts what this one computed itself. */
  contradicts(evidence: EvidenceRecord): boolean {
    return readEvidence(evidence).some(({ entries, range }) => {
      const own = this.#own(entries, range.to)
      return own?.history === range.history && differ(own, range)
    })
  }

  /** Forgets what was heard: others may have started over by the time it is asked again. */
  clear(): void {
    this.#ballots.clear()
    this.#agreedIndex = 0
  }

  /** Its replica is another one from now on. */
  forget(id: string): void {
    for (const { heard } of this.#ballots.values()) heard.delete(id)
  }

  #hear({ id, evidence }: Voter): void {
    for (const { entries, range } of readEvidence(evidence)) {
      const key = `${entries}:${range.to}`
      const ballot = this.#ballots.get(key) ?? newBallot(entries, range.to)
      if (!ballot.heard.has(id)) ballot.open = true
      ballot.heard.set(id, range)
      this.#ballots.set(key, ballot)
    }
    for (const key of this.#ballots.keys()) {
      if (this.#ballots.size <= REMEMBERED) return
      this.#ballots.delete(key)
    }
  }

  /** The first place where somebody differs names it best, and the smaller range. */
  #inOrder(): Ballot[] {
    const firstOf = ({ entries, to }: Ballot) => to - entries
    return [...this.#ballots.values()]
      .filter(({ open }) => open)
      .toSorted((a, b) => firstOf(a) - firstOf(b) || a.entries - b.entries)
  }

  #count(ballot: Ballot, voters: readonly Voter[]): Difference | undefined {
    const { entries, to, heard } = ballot
    const own = this.#own(entries, to)
    if (!own) return undefined // not yet, or not any more
    ballot.open = false
    const cast = new Map([[this.#self, own]])
    for (const { id } of voters) {
      const range = heard.get(id)
      if (range?.history === own.history) cast.set(id, range)
    }
    const against = (range: RangeDigest) =>
      [...cast].filter(([, other]) => differ(range, other)).map(([id]) => id)
    if (against(own).length === 0) {
      if (cast.size > 1) this.#agreedIndex = Math.max(this.#agreedIndex, to)
      return undefined
    }
    if (voters.some((voter) => isToCome(voter, ballot)) && ++ballot.rounds < PATIENCE) {
      ballot.open = true
      return undefined
    }
    const right = [...cast.values()].find((range) => cast.size - against(range).length > cast.size / 2)
    return { from: to - entries + 1, to, ids: against(right ?? own), byMajority: right !== undefined }
  }
}

function newBallot(entries: number, to: number): Ballot {
  return { entries, to, heard: new Map(), open: true, rounds: 0 }
}

/** Whether a voter has not said what it computed in a range, and may still do so. */
function isToCome({ id, evidence }: Voter, { entries, to, heard }: Ballot): boolean {
  if (heard.has(id) || evidence.since > to - entries + 1) return false
  const last = evidence.ranges[RANGE_ENTRIES.findIndex((each) => each === entries)]?.at(-1)
  return (last?.[0] ?? 0) < to
}

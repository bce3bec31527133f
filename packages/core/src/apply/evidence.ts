import { CommandError } from '../errors.js'
import type { Entry } from '../log/entry.js'
import type { Applied } from './applier.js'
import { type Digest, digestOfText, JsonDigests, mix } from './digest.js'
import { isChosen, type Sight, StateEvidence } from './state-evidence.js'
import type { StateMachine } from './state-machine.js'

/** The form of what is published: replicas compare only what both of them digest alike. Rises with every change of it. */
export const EVIDENCE_FORMAT = 1

/** Entries of a range. Those of the first size name a place, those of the second cover what many writes a second leave. */
export const RANGE_ENTRIES = [64, 4096] as const
/** Ranges of each size that a replica keeps, so that it can compare what others say of them later. */
const KEPT = [512, 64] as const
/** Ranges of each size that it publishes: the last ones. */
const PUBLISHED = [8, 8] as const

/** Every so many entries, a result that is an object or a list is looked at; others always are, since they cost little. */
const RESULT_ONE_IN = 8
/** Every so many entries, the state is. */
const STATE_ONE_IN = 32

/** A result with more values than this counts by that alone. */
const MOST_VALUES = 10_000

/** What a replica computed in one range of entries. */
export interface RangeDigest {
  /** Index of the last entry. */
  readonly to: number
  /** Log and reign that this one is from: where two agree, the entries up to there are the same. */
  readonly history: Digest
  readonly outcomes: Digest
  readonly sight: Sight
}

/** A range as it is published. */
type RangeRecord = readonly [to: number, history: number, outcomes: number, state: number, shape: number]

/** What a replica publishes of its evidence. */
export interface EvidenceRecord {
  readonly format: number
  /** The first entry that it has evidence of: what is before came with a snapshot. */
  readonly since: number
  /** The last ranges of each size, oldest first. */
  readonly ranges: readonly (readonly RangeRecord[])[]
}

/**
 * What a replica computed, as digests over fixed ranges of the log: those of two replicas differ only if a command computed
 * something else on one of them. Whether it failed, and how, counts for every entry; results and the state as far as that is
 * cheap.
 */
export class Evidence {
  readonly #levels = [new Level(RANGE_ENTRIES[0], KEPT[0]), new Level(RANGE_ENTRIES[1], KEPT[1])] as const
  readonly #state: StateEvidence
  readonly #results = new JsonDigests({ remember: false })
  #since = 1
  #logId = ''
  #nonce = ''
  /** Of these two: a nonce belongs to one reign. */
  #history = 0

  constructor(machine: StateMachine) {
    this.#state = new StateEvidence(machine)
  }

  /** The first entry that it has evidence of. */
  get since(): number {
    return this.#since
  }

  /** An entry was applied, and nothing has changed the state since. */
  applied(entry: Entry, applied: Applied, logId: string, nonce: string): void {
    if (nonce !== this.#nonce || logId !== this.#logId) {
      this.#nonce = nonce
      this.#logId = logId
      this.#history = digestOfText(`${logId} ${nonce}`)
    }
    const small = this.#levels[0]
    try {
      small.add(mix(applied.index, this.#digestOf(applied, entry.index)))
      if (isChosen(entry.index, STATE_ONE_IN))
        small.see(this.#state.look(entry, applied.ok ? applied.result : undefined))
    } catch {
      // A state or a result that throws when it is looked at is no evidence; the entry was applied, and that stands.
    }
    const range = small.close(entry.index, this.#history)
    if (!range) return
    const large = this.#levels[1]
    large.add(range.outcomes)
    large.see(range.sight)
    large.close(entry.index, this.#history)
  }

  /** The replica now comes from elsewhere, as of `index`: a range that began before is no evidence. */
  restart(index: number): void {
    this.#since = index + 1
    for (const level of this.#levels) level.restart(index)
  }

  /** What this replica computed in a range, if it still knows. */
  find(entries: number, to: number): RangeDigest | undefined {
    return this.#levels[RANGE_ENTRIES.findIndex((each) => each === entries)]?.find(to)
  }

  /** What is published. */
  record(): EvidenceRecord {
    const ranges = this.#levels.map((level, at) => level.last(PUBLISHED[at] as number).map(toRecord))
    return { format: EVIDENCE_FORMAT, since: this.#since, ranges }
  }

  /** Messages may differ between versions of Node, so an error counts by its code, and the app's own by its reason. */
  #digestOf(applied: Applied, index: number): Digest {
    if (applied.ok) {
      const { result } = applied
      const isLooked = typeof result !== 'object' || result === null || isChosen(index, RESULT_ONE_IN)
      return isLooked ? (this.#results.of(result, MOST_VALUES) ?? 0) : 0
    }
    const { error } = applied
    const reason = error instanceof CommandError ? (error.reason ?? '') : ''
    return digestOfText(`${error.code} ${reason}`)
  }
}

/** Whether two replicas computed something else. Only for ranges of one history. */
export function differ(a: RangeDigest, b: RangeDigest): boolean {
  if (a.outcomes !== b.outcomes) return true
  return a.sight.shape === b.sight.shape && a.sight.state !== b.sight.state
}

/** What was published, with the size of each range; nothing of another format. */
export function readEvidence(record: EvidenceRecord): { entries: number; range: RangeDigest }[] {
  if (record.format !== EVIDENCE_FORMAT) return []
  return RANGE_ENTRIES.flatMap((entries, at) =>
    (record.ranges[at] ?? []).map(([to, history, outcomes, state, shape]) => ({
      entries,
      range: { to, history, outcomes, sight: { state, shape } },
    })),
  )
}

function toRecord({ to, history, outcomes, sight }: RangeDigest): RangeRecord {
  return [to, history, outcomes, sight.state, sight.shape]
}

/** Ranges of one size, the larger made of the smaller. The same on all replicas, whatever batches the entries came in. */
class Level {
  readonly #entries: number
  readonly #kept: number
  /** By their last index, oldest first. */
  readonly #ranges = new Map<number, RangeDigest>()
  #isWhole = true
  #outcomes = 0
  #state = 0
  #shape = 0

  constructor(entries: number, kept: number) {
    this.#entries = entries
    this.#kept = kept
  }

  add(outcome: Digest): void {
    this.#outcomes = mix(this.#outcomes, outcome)
  }

  see({ state, shape }: Sight): void {
    this.#state = mix(this.#state, state)
    this.#shape = mix(this.#shape, shape)
  }

  /** The range that ends with this entry, if one does and was seen from its beginning on. */
  close(index: number, history: Digest): RangeDigest | undefined {
    if (index % this.#entries !== 0) return undefined
    const sight = { state: this.#state, shape: this.#shape }
    const range = { to: index, history, outcomes: this.#outcomes, sight }
    const isWhole = this.#isWhole
    this.#begin()
    if (!isWhole) return undefined
    this.#ranges.set(index, range)
    if (this.#ranges.size > this.#kept) this.#ranges.delete(this.#ranges.keys().next().value as number)
    return range
  }

  restart(index: number): void {
    this.#ranges.clear()
    this.#begin()
    this.#isWhole = index % this.#entries === 0
  }

  find(to: number): RangeDigest | undefined {
    return this.#ranges.get(to)
  }

  last(count: number): readonly RangeDigest[] {
    return [...this.#ranges.values()].slice(-count)
  }

  #begin(): void {
    this.#isWhole = true
    this.#outcomes = 0
    this.#state = 0
    this.#shape = 0
  }
}

import { LeaseholdError, OutcomeUnknownError, RepeatDiffersError } from '../errors.js'
import { type Entry, isMarker, type Since, WINDOW_ONLY, type WindowBounds } from '../log/entry.js'
import { TermTable } from '../log/history.js'
import type { SnapshotHead } from '../log/snapshot.js'
import type { Position } from '../position.js'
import type { ApplySpans } from './apply-spans.js'
import type { Evidence } from './evidence.js'
import { outcomeOf, ResultsWindow } from './operations.js'
import type { Outcome, StateMachine } from './state-machine.js'

/** What became of an entry, and of which one: a repeat gets the result, index and term of the first (G6). */
export type Applied = { readonly index: number; readonly term: number } & (
  | Outcome
  /** The entry was not run, since it cannot be told whether its operation ran before, or it is another one's id. */
  | { readonly ok: false; readonly error: LeaseholdError }
)

/** Whether what a repeat got is the outcome of an operation, and not that nothing is known of it. */
export function isOutcome(applied: Applied): boolean {
  return applied.ok || (applied.error.code !== 'KEY_REUSED' && applied.error.code !== 'OUTCOME_UNKNOWN')
}

/** Called for each entry, right after it changed the replica. */
export type AppliedListener = (entry: Entry, applied: Applied) => void

/** The replica met something that this version of the app does not understand, and stops in front of it. */
export class VersionTooOld extends Error {
  /** @param what the thing that another version of the app wrote */
  constructor(what: string, written: { readonly version: number }, version: number) {
    super(
      written.version > version
        ? `${what} was written by version ${written.version} of the app, this is version ${version}`
        : `${what}, which this version ${version} of the app does not have`,
    )
  }
}

/** What else an applier is given. */
export interface ApplierParts {
  /** Of what it computes, for the audit. Default: none. */
  readonly evidence?: Evidence | undefined
  /** Default: no entry is traced. */
  readonly spans?: ApplySpans | undefined
  /** Called when the whole replica was replaced, or emptied. */
  readonly onStartedOver?: () => void
}

/**
 * The only thing that changes a replica: applies entries in order, each once, and knows where it stands (G5, G6).
 * Nobody else may touch the state machine.
 */
export class Applier {
  readonly #machine: StateMachine
  readonly #onApplied: AppliedListener
  readonly #onStartedOver: () => void
  #logId = ''
  #index = 0
  #term = 0
  #timeMs = 0
  #table = new TermTable()
  readonly #operations = new ResultsWindow()
  /** Of what it computes, for the audit; undefined without one. */
  readonly evidence: Evidence | undefined
  readonly #spans: ApplySpans | undefined
  #newestVersion = 0

  constructor(machine: StateMachine, onApplied: AppliedListener, parts: ApplierParts = {}) {
    this.#machine = machine
    this.#onApplied = onApplied
    this.#onStartedOver = parts.onStartedOver ?? (() => {})
    this.evidence = parts.evidence
    this.#spans = parts.spans
  }

  get position(): Position {
    return { logId: this.#logId, term: this.#term, index: this.#index }
  }

  /** Index of the last entry applied. */
  get index(): number {
    return this.#index
  }

  /** Log time of the last entry applied, in ms; 0 before the first. */
  get timeMs(): number {
    return this.#timeMs
  }

  /** The terms of the entries that this replica has applied. */
  get table(): TermTable {
    return this.#table
  }

  /** Binds an empty replica to a log. A replica that has entries keeps its log for good. */
  adopt(logId: string): void {
    if (this.#index > 0 && this.#logId !== logId)
      throw new Error(`A replica of log ${this.#logId} cannot adopt log ${logId}`)
    this.#logId = logId
  }

  /**
   * Applies one entry of the reign `nonce`, and skips one that is applied already: jobs, pulls and the leader's own
   * appends may all bring the same entry.
   *
   * @throws RangeError if an entry is missing before it: the caller must read the gap first.
   * @throws VersionTooOld if a newer version of the app wrote it, or if it runs a command that is not there: to record it
   * as failed would set this replica apart from those of the code that wrote it.
   */
  apply(entry: Entry, nonce: string): void {
    if (entry.index <= this.#index) return
    if (entry.index !== this.#index + 1)
      throw new RangeError(`Entry ${entry.index} cannot follow entry ${this.#index}`)
    const { version } = this.#machine
    if (entry.version > version) throw new VersionTooOld(`Entry ${entry.index}`, entry, version)
    if (!isMarker(entry) && !this.#machine.knows(entry.command))
      throw new VersionTooOld(`Entry ${entry.index} runs the command "${entry.command}"`, entry, version)
    if (this.#table.rows.at(-1)?.nonce !== nonce)
      this.#table.begin({ term: entry.term, nonce, first: entry.index })
    const applied = entry.trace && this.#spans ? this.#runTraced(entry, this.#spans) : this.#run(entry)
    this.#index = entry.index
    this.#term = entry.term
    this.#timeMs = entry.timeMs
    this.#newestVersion = Math.max(this.#newestVersion, entry.version)
    this.evidence?.applied(entry, applied, this.#logId, nonce)
    this.#onApplied(entry, applied)
  }

  /**
   * What a repeat of an operation gets, if its first result is known here; undefined if it is not, which says nothing.
   * A shortcut for the leader: `apply` decides.
   */
  find(opId: string, fingerprint: string, since: Since | typeof WINDOW_ONLY): Applied | undefined {
    const kept = this.#operations.find(opId)
    if (!kept) return undefined
    const { index, term } = kept
    if (kept.fingerprint === fingerprint) return appliedAs(outcomeOf(kept), index, term)
    return { ok: false, error: anotherOperation(opId, since), index, term }
  }

  /** How many results are kept, as the log has it. */
  get bounds(): WindowBounds {
    return this.#operations.bounds
  }

  /** The whole replica as a JSON value, for a snapshot. Nothing may be applied until it has been read. */
  snapshot(): unknown {
    return { state: this.#machine.snapshot(), operations: this.#operations.image() }
  }

  /** Version of the state machine that applies. */
  get version(): number {
    return this.#machine.version
  }

  /**
   * The newest version of the app among those that wrote the entries of this replica; 0 before the first entry. Whoever
   * understands that version understands the replica, whichever version applied the entries.
   */
  get newestVersion(): number {
    return this.#newestVersion
  }

  /** Replaces the whole replica by what a snapshot holds. */
  load(head: SnapshotHead, image: unknown): void {
    const { state, operations } = image as { state: unknown; operations: unknown }
    this.#machine.restore(state)
    this.#operations.restore(operations)
    this.#logId = head.logId
    this.#index = head.index
    this.#term = head.term
    this.#timeMs = head.timeMs
    this.#table = new TermTable(head.terms)
    this.#newestVersion = head.version
    this.evidence?.restart(head.index)
    this.#onStartedOver()
  }

  /** Forgets everything: the replica starts over from the beginning of whatever log it adopts next. */
  reset(): void {
    this.#machine.reset()
    this.#operations.reset()
    this.#logId = ''
    this.#index = 0
    this.#term = 0
    this.#timeMs = 0
    this.#table = new TermTable()
    this.#newestVersion = 0
    this.evidence?.restart(0)
    this.#onStartedOver()
  }

  #runTraced(entry: Entry, spans: ApplySpans): Applied {
    const span = spans.start(entry)
    const applied = this.#run(entry)
    if (span) spans.end(span, applied)
    return applied
  }

  /** Runs an entry, unless its operation has run before or may have (G6). Depends on the log alone, as all of a replica. */
  #run(entry: Entry): Applied {
    const { index, term, opId, fingerprint, since, timeMs } = entry
    if (isMarker(entry)) {
      if (entry.args !== undefined) this.#operations.setBounds(entry.args as WindowBounds)
      return { ok: true, result: undefined, index, term }
    }
    if (since === undefined) return appliedAs(this.#machine.apply(entry), index, term)
    this.#operations.evict(timeMs)
    const first = this.find(opId, fingerprint, since)
    if (first) return first
    if (since !== WINDOW_ONLY && this.#operations.evictedIndex > this.#behind(since)) {
      const why = 'It came so late that its first result, if there was one, is perhaps no longer kept'
      return { ok: false, error: new OutcomeUnknownError(opId, why), index, term }
    }
    const outcome = this.#machine.apply(entry)
    this.#operations.keep(entry, outcome)
    return appliedAs(outcome, index, term)
  }

  /**
   * Index behind which an operation ran, if it has run. Usually the one that had been seen when it arrived. Where the log has
   * gone back since, what is left of that entry's term was there as well: a term appends nothing once the log went back.
   */
  #behind({ term, index }: Since): number {
    return term === undefined ? index : Math.min(index, this.#index, this.#table.lastOf(term))
  }
}

/** Property by property: a spread gives each object a hidden class of its own, and whoever reads them then is slow. */
function appliedAs(outcome: Outcome, index: number, term: number): Applied {
  return outcome.ok
    ? { ok: true, result: outcome.result, index, term }
    : { ok: false, error: outcome.error, index, term }
}

/** For a client's own key that is a mistake of the client; of our own repeats it must not happen, so nothing is known. */
export function anotherOperation(opId: string, since: Since | typeof WINDOW_ONLY): LeaseholdError {
  if (since !== WINDOW_ONLY) return new RepeatDiffersError(opId)
  return new LeaseholdError(
    'KEY_REUSED',
    `Operation ${opId} was another one before: an idempotency key belongs to one request. Nothing was written.`,
  )
}

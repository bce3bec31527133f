import { CommandError, CommandFailedError } from '../errors.js'
import type { Entry, WindowBounds } from '../log/entry.js'
import type { Outcome } from './state-machine.js'

/**
 * The bounds of a log whose leaders never said otherwise. They are part of its format, since replicas must agree on them;
 * the defaults of the options happen to be the same, so that a log needs no entry to say so.
 */
export const INITIAL_BOUNDS: WindowBounds = { results: 50_000, bytes: 16 * 1024 * 1024, ageMs: 3_600_000 }

/** What a result costs beside its text. */
const OVERHEAD_BYTES = 100

/** The result of an operation, kept for those who repeat it. */
export interface KeptResult {
  readonly index: number
  readonly term: number
  readonly timeMs: number
  readonly fingerprint: string
  /** The outcome as JSON, so that nobody can change it. */
  readonly outcome: string
}

/** The window as a JSON value, oldest result first. */
interface WindowImage {
  readonly bounds: WindowBounds
  readonly evictedIndex: number
  readonly results: readonly [
    opId: string,
    index: number,
    term: number,
    timeMs: number,
    fingerprint: string,
    outcome: string,
  ][]
}

/** An outcome as JSON: a result, a rejection with its reason, or the message of what the command threw. */
type OutcomeImage =
  | { readonly ok?: unknown }
  | { readonly rejected: string; readonly reason?: string }
  | { readonly failed: string; readonly command: string }

/**
 * The results of the last operations that somebody may repeat: part of every replica, changed by entries alone, so that
 * all replicas, and later leaders, answer a repeat alike (G6). Bounded by count, bytes and age in log time.
 */
export class ResultsWindow {
  /** In the order of their entries. */
  readonly #results = new Map<string, KeptResult>()
  #bounds = INITIAL_BOUNDS
  #bytes = 0
  #evictedIndex = 0

  /** The bounds that the log has set. */
  get bounds(): WindowBounds {
    return this.#bounds
  }

  /** Index of the last entry whose result was dropped: of operations up to there nobody knows. */
  get evictedIndex(): number {
    return this.#evictedIndex
  }

  find(opId: string): KeptResult | undefined {
    return this.#results.get(opId)
  }

  /** Keeps the result of an entry. */
  keep(entry: Entry, outcome: Outcome): void {
    const { index, term, timeMs, fingerprint, opId } = entry
    const kept = { index, term, timeMs, fingerprint, outcome: textOf(entry, outcome) }
    this.#results.set(opId, kept)
    this.#bytes += costOf(kept)
  }

  /** Drops what is out of bounds at the log time of an entry; called for each, before it is looked up. */
  evict(timeMs: number): void {
    const { results, bytes, ageMs } = this.#bounds
    for (const [opId, kept] of this.#results) {
      if (this.#results.size <= results && this.#bytes <= bytes && timeMs - kept.timeMs <= ageMs) return
      this.#results.delete(opId)
      this.#bytes -= costOf(kept)
      this.#evictedIndex = kept.index
    }
  }

  setBounds(bounds: WindowBounds): void {
    this.#bounds = bounds
  }

  image(): unknown {
    const results = [...this.#results].map(
      ([opId, { index, term, timeMs, fingerprint, outcome }]) =>
        [opId, index, term, timeMs, fingerprint, outcome] as const,
    )
    return { bounds: this.#bounds, evictedIndex: this.#evictedIndex, results }
  }

  restore(image: unknown): void {
    const { bounds, evictedIndex, results } = image as WindowImage
    this.reset()
    this.#bounds = bounds
    this.#evictedIndex = evictedIndex
    for (const [opId, index, term, timeMs, fingerprint, outcome] of results) {
      const kept = { index, term, timeMs, fingerprint, outcome }
      this.#results.set(opId, kept)
      this.#bytes += costOf(kept)
    }
  }

  reset(): void {
    this.#results.clear()
    this.#bounds = INITIAL_BOUNDS
    this.#bytes = 0
    this.#evictedIndex = 0
  }
}

/** The outcome that was kept. */
export function outcomeOf(kept: KeptResult): Outcome {
  const image = JSON.parse(kept.outcome) as OutcomeImage
  if ('rejected' in image) {
    const { rejected, reason } = image
    return { ok: false, error: new CommandError(rejected, reason === undefined ? {} : { reason }) }
  }
  if ('failed' in image) return { ok: false, error: new CommandFailedError(image.command, image.failed) }
  return { ok: true, result: image.ok }
}

function textOf(entry: Entry, outcome: Outcome): string {
  try {
    return JSON.stringify(imageOf(entry, outcome))
  } catch (error) {
    return textOf(entry, { ok: false, error: new CommandFailedError(entry.command, error) }) // what it returned is not JSON
  }
}

function imageOf({ command }: Entry, outcome: Outcome): OutcomeImage {
  if (outcome.ok) return { ok: outcome.result }
  const { error } = outcome
  if (error instanceof CommandError) {
    return { rejected: error.message, ...(error.reason !== undefined && { reason: error.reason }) }
  }
  return { failed: String((error.cause as Error | undefined)?.message ?? error.cause), command }
}

function costOf({ outcome }: KeptResult): number {
  return outcome.length + OVERHEAD_BYTES
}

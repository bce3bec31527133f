import type { Clock } from '../clock.js'
import { NotSupportedError, OutcomeUnknownError } from '../errors.js'
import type { TermConnection } from '../log/log-store.js'
import type { WriteConcern } from '../options.js'
import type { Copies } from './copies.js'
import type { Committed } from './pending-writes.js'

/** What the write concern asks of the rest of the node. */
export interface ConcernParts {
  readonly clock: Clock
  readonly copies: Copies
  /** How many instances are alive, this one included. */
  readonly alive: () => number
  /** The connection that appends, while there is one. */
  connection(): TermConnection | undefined
  /** Whether the log's Redis can tell when it has forced its append-only file to disk. */
  canSync(): boolean
}

/**
 * Holds the answer to a write back until it is as safe as its caller asked for (G4). The entry is in the log by then: what
 * is not reached in time is unknown, never failed.
 */
export class WriteConcerns {
  readonly #parts: ConcernParts
  /** Writes that are in the log and wait, each with what ends its wait. */
  readonly #open = new Map<AbortController, Promise<unknown>>()
  #closed = false

  constructor(parts: ConcernParts) {
    this.#parts = parts
  }

  /** @throws NotSupportedError if this Redis cannot honour the concern, before anything is written. */
  assertPossible(concern: WriteConcern): void {
    if (concern === 'fsync' && !this.#parts.canSync())
      throw new NotSupportedError(
        "Write concern 'fsync' on a Redis without WAITAOF (it came with Redis 7.2 and with Valkey)",
      )
  }

  /** Holds an answer back until the concern is met; as `met`, from now on. */
  hold(
    answer: Promise<Committed>,
    concern: WriteConcern,
    opId: string,
    withinMs: number,
  ): Promise<Committed> {
    if (concern === 'log') return answer
    const { clock } = this.#parts
    const untilMs = clock.now() + withinMs
    return answer.then((committed) => this.met(concern, committed, opId, untilMs - clock.now()))
  }

  /**
   * Resolves with `committed` once the concern is met.
   *
   * @throws OutcomeUnknownError if it is not within `withinMs`. The entry is in the log, and will be applied everywhere
   * unless Redis loses it.
   */
  async met(concern: WriteConcern, committed: Committed, opId: string, withinMs: number): Promise<Committed> {
    if (concern === 'log') return committed
    const { clock } = this.#parts
    const late = new AbortController()
    if (this.#closed) late.abort()
    const cancel = clock.timer(Math.max(0, withinMs), () => late.abort())
    const isMet = this.#isMet(concern, committed, late.signal)
    this.#open.set(late, isMet)
    try {
      if (await isMet) return committed
    } catch (error) {
      throw new OutcomeUnknownError(
        opId,
        `The entry is in the log, but its write concern (${name(concern)}) could not be checked`,
        error,
      )
    } finally {
      cancel()
      this.#open.delete(late)
    }
    throw new OutcomeUnknownError(
      opId,
      this.#closed
        ? `The node was stopped when the entry was in the log, but its write concern (${name(concern)}) not met`
        : `The entry is in the log, but its write concern (${name(concern)}) was not met within ${Math.round(withinMs)} ms`,
    )
  }

  /** Resolves when all that wait now have their answer. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open.values())
  }

  /** Ends all that wait: nobody says any more what could meet their concerns. */
  close(): void {
    this.#closed = true
    for (const late of this.#open.keys()) late.abort()
  }

  async #isMet(concern: Exclude<WriteConcern, 'log'>, entry: Committed, late: AbortSignal): Promise<boolean> {
    const { copies, alive } = this.#parts
    // The leader is one of the N and has it: with ⌊N/2⌋ others that is more than half.
    if (concern === 'majority') return copies.until(Math.floor(alive() / 2), entry, late)
    if (concern === 'fsync') return this.#onServer(async (term) => term.synced(), late)
    if ('replicas' in concern) return copies.until(concern.replicas, entry, late)
    const { redisReplicas } = concern
    return this.#onServer(async (term) => (await term.replicated(redisReplicas)) >= redisReplicas, late)
  }

  /** Asks the server behind the append, on its connection, until it says yes. */
  async #onServer(ask: (term: TermConnection) => Promise<boolean>, late: AbortSignal): Promise<boolean> {
    const term = this.#parts.connection()
    const aborted = new Promise<boolean>((resolve) => {
      late.addEventListener('abort', () => resolve(false), { once: true })
    })
    while (!late.aborted) {
      if (!term || this.#parts.connection() !== term)
        throw new Error('The connection that appended the entry is gone')
      if (await Promise.race([ask(term), aborted])) return true
    }
    return false
  }
}

function name(concern: WriteConcern): string {
  return typeof concern === 'string' ? concern : JSON.stringify(concern)
}

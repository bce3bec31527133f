import type { Clock } from '../clock.js'
import { createDeferred } from '../deferred.js'
import { BusyError, CommandFailedError, OutcomeUnknownError } from '../errors.js'
import { copyJson } from '../apply/json.js'
import type { Applied } from '../apply/applier.js'
import type { Entry } from '../log/entry.js'
import type { Span } from '../observe/tracing.js'

/** What a committed write answers: the command's result and the place of its entry. */
export interface Committed<R = unknown> {
  readonly result: R
  readonly index: number
  readonly term: number
}

/** A write whose caller waits. */
export interface PendingWrite {
  readonly opId: string
  /** Rises from write to write. */
  readonly order: number
  /** The entry as it goes into the log. */
  readonly data: string
  readonly bytes: number
  readonly submittedMs: number
  /** Its span, if that is sampled. */
  readonly span: Span | undefined
  /** Settles as the caller's does. */
  readonly answer: Promise<Committed>
  /** True while it may take effect: it has left for Redis, and is not known to be out of the log. */
  sent: boolean
  readonly resolve: (committed: Committed) => void
  readonly reject: (error: Error) => void
}

/**
 * The writes whose callers wait for an answer, by operation id. A write is answered by what the log says: when its
 * entry is applied here, whichever way it came back. Nobody is told "failed" of a write that may yet take effect (G3).
 */
export class PendingWrites {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #waiting = new Map<string, PendingWrite>()
  #cancelSweep: (() => void) | undefined
  #added = 0

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Whether the caller still waits. */
  has(write: PendingWrite): boolean {
    return this.#waiting.get(write.opId) === write
  }

  /** A write of this operation whose caller waits. */
  find(opId: string): PendingWrite | undefined {
    return this.#waiting.get(opId)
  }

  /** Takes a write in. It is answered after `timeoutMs` at the latest, and never later than the node's `writeTimeoutMs`. */
  add(
    opId: string,
    data: string,
    timeoutMs?: number,
    span?: Span,
  ): { write: PendingWrite; answer: Promise<Committed> } {
    const { promise: answer, resolve, reject } = createDeferred<Committed>()
    const bytes = Buffer.byteLength(data)
    const write: PendingWrite = {
      opId,
      order: ++this.#added,
      data,
      bytes,
      submittedMs: this.#clock.now(),
      span,
      answer,
      sent: false,
      resolve,
      reject,
    }
    this.#waiting.set(opId, write)
    this.#cancelSweep ??= this.#clock.timer(this.#timeoutMs, () => this.#sweep())
    if (timeoutMs !== undefined && timeoutMs < this.#timeoutMs) {
      const cancel = this.#clock.timer(timeoutMs, () => this.#expire(write, timeoutMs))
      answer.then(cancel, cancel)
    }
    return { write, answer }
  }

  /** An entry was applied here: if somebody waits for it, this is the answer. */
  applied(entry: Entry, applied: Applied): void {
    const write = this.#waiting.get(entry.opId)
    if (!write) return
    this.#remove(write)
    if (!applied.ok) return write.reject(applied.error)
    const { result, index, term } = applied
    try {
      write.resolve({ result: copyJson(result), index, term })
    } catch (error) {
      write.reject(new CommandFailedError(entry.command, error)) // what it returned is not JSON
    }
  }

  /** Answers that the write surely was not and will not be written. */
  refuse(write: PendingWrite, error: Error): void {
    if (!this.has(write)) return
    this.#remove(write)
    write.reject(error)
  }

  /** Answers that nobody can tell. */
  giveUp(write: PendingWrite, why: string, cause?: unknown): void {
    this.refuse(write, new OutcomeUnknownError(write.opId, why, cause))
  }

  /** Ends everything that still waits. */
  close(error: (write: PendingWrite) => Error): void {
    for (const write of [...this.#waiting.values()]) this.refuse(write, error(write))
  }

  #expire(write: PendingWrite, ms: number): void {
    if (write.sent) this.giveUp(write, `No answer within ${ms} ms`)
    else this.refuse(write, new BusyError(this.size, `${ms} ms in the queue`))
  }

  #remove(write: PendingWrite): void {
    this.#waiting.delete(write.opId)
    if (this.#waiting.size === 0) {
      this.#cancelSweep?.()
      this.#cancelSweep = undefined
    }
  }

  /** One timer for all: the map is in the order of submission, so those that are overdue stand first. */
  #sweep(): void {
    this.#cancelSweep = undefined
    const now = this.#clock.now()
    for (const write of [...this.#waiting.values()]) {
      const leftMs = write.submittedMs + this.#timeoutMs - now
      if (leftMs > 0) {
        this.#cancelSweep = this.#clock.timer(leftMs, () => this.#sweep())
        return
      }
      this.#expire(write, this.#timeoutMs)
    }
  }
}

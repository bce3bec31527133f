import type { Clock } from '../clock.js'
import { createDeferred, type Deferred } from '../deferred.js'
import { BusyError, CommandFailedError, OutcomeUnknownError } from '../errors.js'
import { copyJson } from '../apply/json.js'
import type { Applied } from '../apply/applier.js'
import type { Entry } from '../log/entry.js'
import type { Span } from '../observe/tracing.js'
import type { Operation } from './request-scope.js'

/** What a committed write answers: the command's result and the place of its entry. */
export interface Committed<R = unknown> {
  readonly result: R
  readonly index: number
  readonly term: number
}

/** A write whose answer somebody waits for. */
export interface PendingWrite {
  readonly opId: string
  readonly fingerprint: string
  /** Rises from write to write. */
  readonly order: number
  /** The entry as it goes into the log. */
  readonly data: string
  readonly bytes: number
  readonly submittedMs: number
  /** Its span, if that is sampled. */
  readonly span: Span | undefined
  /** True while it may take effect: it has left for Redis, and is not known to be out of the log. */
  sent: boolean
  /** Whoever submitted it. */
  readonly submitter: Deferred<Committed>
  /** All who wait: its submitter, until that has waited long enough, and whoever has repeated it meanwhile. */
  readonly callers: Deferred<Committed>[]
}

/**
 * The writes whose callers wait for an answer, by operation id, each once. A write is answered by what the log says: when its
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

  /** Whether somebody still waits for it. */
  has(write: PendingWrite): boolean {
    return this.#waiting.get(write.opId) === write
  }

  /** The write of this operation that somebody waits for. */
  find(opId: string): PendingWrite | undefined {
    return this.#waiting.get(opId)
  }

  /**
   * Takes a write in. It is answered after `timeoutMs` at the latest, and never later than the node's `writeTimeoutMs`.
   *
   * @throws Error if one of the same operation waits: that one's answer would be lost. `join` it.
   */
  add(
    { opId, fingerprint }: Pick<Operation, 'opId' | 'fingerprint'>,
    data: string,
    timeoutMs?: number,
    span?: Span,
  ): { write: PendingWrite; answer: Promise<Committed> } {
    if (this.#waiting.has(opId)) throw new Error(`Operation ${opId} is under way already`)
    const submitter = createDeferred<Committed>()
    const write: PendingWrite = {
      opId,
      fingerprint,
      order: ++this.#added,
      data,
      bytes: Buffer.byteLength(data),
      submittedMs: this.#clock.now(),
      span,
      sent: false,
      submitter,
      callers: [submitter],
    }
    this.#waiting.set(opId, write)
    this.#cancelSweep ??= this.#clock.timer(this.#timeoutMs, () => this.#sweep())
    if (timeoutMs !== undefined && timeoutMs < this.#timeoutMs) this.#limit(write, submitter, timeoutMs)
    return { write, answer: submitter.promise }
  }

  /** For a repeat of a write that waits: the answer of that one, within a time of its own as in `add`. */
  join(write: PendingWrite, timeoutMs = this.#timeoutMs): Promise<Committed> {
    const caller = createDeferred<Committed>()
    write.callers.push(caller)
    this.#limit(write, caller, Math.min(timeoutMs, this.#timeoutMs))
    return caller.promise
  }

  /**
   * An entry was applied here: if somebody waits for it, this is the answer. Another leader may have taken something else under
   * the same id, while the write that waits here is in doubt: that is no answer to it (G6).
   */
  applied(entry: Entry, applied: Applied): void {
    const write = this.#waiting.get(entry.opId)
    if (write?.fingerprint !== entry.fingerprint) return
    if (!applied.ok) return this.refuse(write, applied.error)
    const { result, index, term } = applied
    let committed: Committed
    try {
      committed = { result: copyJson(result), index, term }
    } catch (error) {
      return this.refuse(write, new CommandFailedError(entry.command, error)) // what it returned is not JSON
    }
    this.#remove(write)
    for (const caller of write.callers) caller.resolve(committed)
  }

  /** Answers that the write surely was not and will not be written. */
  refuse(write: PendingWrite, error: Error): void {
    if (!this.has(write)) return
    this.#remove(write)
    for (const caller of write.callers) caller.reject(error)
  }

  /** Answers that nobody can tell. */
  giveUp(write: PendingWrite, why: string, cause?: unknown): void {
    this.refuse(write, new OutcomeUnknownError(write.opId, why, cause))
  }

  /** Ends everything that still waits. */
  close(error: (write: PendingWrite) => Error): void {
    for (const write of [...this.#waiting.values()]) this.refuse(write, error(write))
  }

  #limit(write: PendingWrite, caller: Deferred<Committed>, ms: number): void {
    const cancel = this.#clock.timer(ms, () => this.#expire(write, caller, ms))
    caller.promise.then(cancel, cancel)
  }

  /** One has waited long enough. If others have not, the write may still be sent: then it is not refused (G3). */
  #expire(write: PendingWrite, caller: Deferred<Committed>, ms: number): void {
    const isLast = write.callers.length === 1
    const error =
      write.sent || !isLast
        ? new OutcomeUnknownError(write.opId, `No answer within ${ms} ms`)
        : new BusyError(this.size, `${ms} ms in the queue`)
    if (isLast) return this.refuse(write, error)
    write.callers.splice(write.callers.indexOf(caller), 1)
    caller.reject(error)
  }

  #remove(write: PendingWrite): void {
    this.#waiting.delete(write.opId)
    if (this.#waiting.size === 0) {
      this.#cancelSweep?.()
      this.#cancelSweep = undefined
    }
  }

  /** One timer for all submitters: the map is in the order of submission, so those that are overdue stand first. */
  #sweep(): void {
    this.#cancelSweep = undefined
    const now = this.#clock.now()
    for (const write of [...this.#waiting.values()]) {
      const leftMs = write.submittedMs + this.#timeoutMs - now
      if (leftMs > 0) {
        this.#cancelSweep = this.#clock.timer(leftMs, () => this.#sweep())
        return
      }
      if (write.callers.includes(write.submitter)) this.#expire(write, write.submitter, this.#timeoutMs)
    }
  }
}

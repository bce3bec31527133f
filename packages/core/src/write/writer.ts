import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import { BusyError, LogRefusedError } from '../errors.js'
import { decodeEntry, encodeEntry, type Entry, markerEntry, type WindowBounds } from '../log/entry.js'
import type { AppendOutcome, Claim, LogState, TermConnection } from '../log/log-store.js'
import type { Span, Tracer } from '../observe/tracing.js'
import { fateOf, type LostAppend } from './in-flight.js'
import { type Flight, OpenTerm } from './open-term.js'
import type { Committed, PendingWrite, PendingWrites } from './pending-writes.js'
import type { Operation } from './request-scope.js'
import { type SentBatch, sentBatch } from './sent-batch.js'
import { WriteQueue } from './write-queue.js'
import { startAppend } from './write-spans.js'

/** What the writer asks of the rest of the node. */
export interface WriterListener {
  /** Looks at the own monotonic deadline; asked right before each append. */
  mayAppend(): boolean
  /** The error for a write that this instance cannot take because it does not lead. */
  notLeader(why: string): Error
  /** A batch was appended; the replica applies it now. */
  appended(entries: readonly Entry[], nonce: string, bytes: number): void
  /** The log holds another claim than ours. */
  fenced(why: string): void
  /** From `write` to the log's acknowledgement. */
  requestTimed(requestMs: number): void
  /** What became of a batch that was sent. */
  sent(batch: SentBatch): void
}

/**
 * Group commit: writes gather while appends are in flight, then go together in one fenced script (G2). `OpenTerm` says when the
 * next one may leave.
 */
export class Writer {
  readonly #listener: WriterListener
  readonly #pending: PendingWrites
  readonly #clock: Clock
  readonly #maxQueuedWrites: number
  readonly #maxQueuedBytes: number
  readonly #tracer: Tracer | undefined
  readonly #queue = new WriteQueue()
  #lost: LostAppend[] = []
  /** The last present of the log that this instance has compared itself with; its own claim, if it claimed since. */
  #present: LogState | undefined
  #term: OpenTerm | undefined
  /** True from the first term of a reign to its end: writes may gather while the leader claims anew. */
  #accepting = false
  readonly #flying = new Set<Promise<void>>()
  /** Whether `#appendNext` runs as soon as the present turn is over. */
  #scheduled = false
  /** How many hold appends back. */
  #holds = 0

  constructor(parts: {
    listener: WriterListener
    pending: PendingWrites
    clock: Clock
    maxQueuedWrites: number
    maxQueuedBytes: number
    tracer?: Tracer | undefined
  }) {
    this.#listener = parts.listener
    this.#pending = parts.pending
    this.#clock = parts.clock
    this.#maxQueuedWrites = parts.maxQueuedWrites
    this.#maxQueuedBytes = parts.maxQueuedBytes
    this.#tracer = parts.tracer
  }

  get queued(): number {
    return this.#queue.length
  }

  /**
   * Queues a write and answers once its entry is applied here. `span`: its own, if that is sampled.
   *
   * @throws NotLeaderError, BusyError, LogRefusedError: nothing was written.
   * @throws OutcomeUnknownError: it may have been.
   */
  submit(
    operation: Pick<Operation, 'opId' | 'fingerprint'>,
    data: string,
    timeoutMs?: number,
    span?: Span,
  ): Promise<Committed> {
    if (!this.#accepting) return Promise.reject(this.#listener.notLeader('This instance is not the leader'))
    if (this.#queue.length >= this.#maxQueuedWrites) {
      return Promise.reject(new BusyError(this.#queue.length, `maxQueuedWrites, ${this.#maxQueuedWrites}`))
    }
    const { write, answer } = this.#pending.add(operation, data, timeoutMs, span)
    if (this.#queue.bytes + write.bytes > this.#maxQueuedBytes && this.#queue.length > 0) {
      this.#pending.refuse(
        write,
        new BusyError(this.#queue.length, `maxQueuedBytes, ${this.#maxQueuedBytes} bytes`),
      )
      return answer
    }
    this.#queue.add(write)
    this.#schedule()
    return answer
  }

  /** Queues a marker (see `markerEntry`), as `submit` does a write. */
  mark(bounds?: WindowBounds): Promise<Committed> {
    const marker = markerEntry(randomBytes(12).toString('base64url'), bounds)
    return this.submit(marker, encodeEntry(marker))
  }

  /** Serves a term: the replica is at the head that the claim found, and nothing of an older term is open. */
  open(connection: TermConnection, claim: Claim): void {
    this.#term = new OpenTerm(connection, claim)
    this.#accepting = true
    this.#appendNext()
  }

  /** The term's connection is gone; the reign may go on with another one. Writes wait for it. */
  suspend(): void {
    this.#term = undefined
  }

  /** The reign is over: nothing more is sent, and what was never sent is refused. */
  close(why: string): void {
    this.#term = undefined
    this.#accepting = false
    this.#refuse(this.#queue.takeAll(), why)
  }

  /** Resolves when no append is in flight. */
  async settled(): Promise<void> {
    await Promise.all(this.#flying)
  }

  /**
   * Holds appends back while `run` works on the replica, which then stands still: also on a follower, which may come to
   * lead meanwhile. Writes gather. Resolves or rejects as `run` does.
   */
  async hold<T>(run: () => Promise<T>): Promise<T> {
    this.#holds++
    try {
      await this.settled()
      return await run()
    } finally {
      this.#holds--
      this.#appendNext()
    }
  }

  /** Stops taking writes and resolves when those that were taken have left the queue. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#accepting = false
    this.#appendNext()
    while (this.#queue.length > 0 && this.#flying.size > 0 && !signal.aborted) await this.settled()
    await this.settled()
  }

  /**
   * Decides what became of appends whose reply was lost, from a present of the log in which they can be decided (G3).
   * `claimed`: the present is this instance's own new claim, under which it may send them again.
   */
  resolveLost(present: LogState, claimed: boolean): void {
    this.#present = present
    const lost = this.#lost
    this.#lost = []
    for (const append of lost) {
      switch (fateOf(append, present)) {
        case 'in':
          break // answered when the replica gets there
        case 'open':
          this.#lost.push(append)
          break
        case 'out':
          if (claimed) this.#queue.putBack(append.writes)
          else this.#refuse(append.writes, 'The leader was replaced before the write entered the log')
          break
        case 'unknown':
          for (const write of append.writes)
            this.#pending.giveUp(write, 'Redis lost entries after the write was sent')
      }
    }
  }

  /** A turn later, so that writes of the same turn share an append. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#appendNext()
    })
  }

  #appendNext(): void {
    for (;;) {
      const term = this.#term
      const most = term && this.#holds === 0 ? term.room(this.#queue.length) : 0
      if (!term || most === 0) return
      const batch = this.#queue.takeBatch(most, (write) => this.#pending.has(write))
      if (batch.length === 0) continue // nobody waits for those any more
      const flight = this.#append(term, batch).finally(() => {
        this.#flying.delete(flight)
        this.#appendNext()
      })
      this.#flying.add(flight)
    }
  }

  async #append(term: OpenTerm, batch: readonly PendingWrite[]): Promise<void> {
    if (!this.#listener.mayAppend()) {
      this.#refuse(batch, 'The lease had run out when the write was to be sent')
      return
    }
    for (const write of batch) write.sent = true
    const { claim, connection } = term
    const flight = term.sends(batch.length)
    const { head, headTerm } = flight
    const sentMs = this.#clock.now()
    const ended = this.#tracer && startAppend(this.#tracer, batch)
    let outcome: AppendOutcome
    try {
      outcome = await connection.append({ head, headTerm, entries: batch.map((write) => write.data) })
    } catch {
      ended?.(undefined)
      this.#listener.sent(sentBatch('lost', batch, sentMs, this.#clock.now()))
      this.#lost.push({ writes: batch, first: head + 1, term: claim.term, stamp: claim })
      this.#leave(term)
      if (this.#present && !this.#accepting) this.resolveLost(this.#present, false)
      return
    }
    const kind = outcome.kind === 'mismatch' && !flight.behindAnother ? 'fenced' : outcome.kind
    const sent = sentBatch(kind, batch, sentMs, this.#clock.now())
    this.#listener.sent(sent)
    ended?.(outcome)
    term.answered(flight, outcome)
    this.#answered(term, batch, outcome, { behindAnother: flight.behindAnother, bytes: sent.bytes })
  }

  #answered(
    term: OpenTerm,
    batch: readonly PendingWrite[],
    outcome: AppendOutcome,
    { behindAnother, bytes }: Pick<Flight, 'behindAnother'> & Pick<SentBatch, 'bytes'>,
  ): void {
    switch (outcome.kind) {
      case 'appended': {
        const { claim } = term
        const now = this.#clock.now()
        for (const write of batch) this.#listener.requestTimed(now - write.submittedMs)
        // After the end of the term the entries come back by reading the log, after its history was compared.
        if (this.#term !== term) return
        this.#listener.appended(
          batch.map((write, i) => decodeEntry(outcome.first + i, claim.term, outcome.timeMs, write.data)),
          claim.nonce,
          bytes,
        )
        return
      }
      case 'mismatch':
        // The log did not take the one before: this one goes again, alone.
        if (behindAnother) this.#again(batch, 'The log did not take the writes before this one')
        else this.#fenced(term, batch, outcome.why)
        return
      case 'fenced':
        this.#fenced(term, batch, outcome.why)
        return
      case 'moved':
        // The reign may go on where the log is now: the writes wait for that as others do.
        this.#again(batch, 'The log has moved to another server')
        this.#leave(term)
        return
      case 'refused':
        for (const write of batch) this.#pending.refuse(write, new LogRefusedError(outcome.error))
        if (outcome.lasting) term.connection.close()
    }
  }

  #leave(term: OpenTerm): void {
    if (this.#term === term) this.#term = undefined
    term.connection.close()
  }

  #fenced(term: OpenTerm, batch: readonly PendingWrite[], why: string): void {
    if (this.#term === term) this.#term = undefined
    this.#refuse(batch, `The log refused the write as FENCED (${why})`)
    this.#listener.fenced(why)
  }

  /** The log surely did not take these: they wait for another append, if the reign goes on. */
  #again(batch: readonly PendingWrite[], why: string): void {
    if (this.#accepting) this.#queue.putBack(batch)
    else this.#refuse(batch, why)
  }

  #refuse(writes: readonly PendingWrite[], why: string): void {
    for (const write of writes) this.#pending.refuse(write, this.#listener.notLeader(why))
  }
}

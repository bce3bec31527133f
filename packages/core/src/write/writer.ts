import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import { BusyError, LogRefusedError } from '../errors.js'
import { decodeEntry, encodeEntry, type Entry, markerEntry, type WindowBounds } from '../log/entry.js'
import type { AppendOutcome, Claim, LogState, TermConnection } from '../log/log-store.js'
import { fateOf, type LostAppend } from './in-flight.js'
import type { Committed, PendingWrite, PendingWrites } from './pending-writes.js'
import { bytesOf, type SentBatch, sentBatch } from './sent-batch.js'

/** What one append script takes at most. */
const MAX_BATCH_ENTRIES = 512
const MAX_BATCH_BYTES = 1024 * 1024

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

/** The term that the writer appends under. */
interface OpenTerm {
  readonly connection: TermConnection
  readonly claim: Claim
  head: number
  headTerm: number
}

/**
 * Group commit: writes gather while one append is in flight, then go together in one fenced script (G2). One append at
 * a time, so that a lost reply leaves one batch open and not a row of them.
 */
export class Writer {
  readonly #listener: WriterListener
  readonly #pending: PendingWrites
  readonly #clock: Clock
  readonly #maxQueuedWrites: number
  readonly #maxQueuedBytes: number
  #queue: PendingWrite[] = []
  #queuedBytes = 0
  #lost: LostAppend[] = []
  /** The last present of the log that this instance has compared itself with; its own claim, if it claimed since. */
  #present: LogState | undefined
  #term: OpenTerm | undefined
  /** True from the first term of a reign to its end: writes may gather while the leader claims anew. */
  #accepting = false
  #appending: Promise<void> | undefined
  /** How many hold appends back. */
  #holds = 0

  constructor(parts: {
    listener: WriterListener
    pending: PendingWrites
    clock: Clock
    maxQueuedWrites: number
    maxQueuedBytes: number
  }) {
    this.#listener = parts.listener
    this.#pending = parts.pending
    this.#clock = parts.clock
    this.#maxQueuedWrites = parts.maxQueuedWrites
    this.#maxQueuedBytes = parts.maxQueuedBytes
  }

  get queued(): number {
    return this.#queue.length
  }

  /**
   * Queues a write and answers once its entry is applied here.
   *
   * @throws NotLeaderError, BusyError, LogRefusedError: nothing was written.
   * @throws OutcomeUnknownError: it may have been.
   */
  submit(opId: string, data: string, timeoutMs?: number): Promise<Committed> {
    if (!this.#accepting) return Promise.reject(this.#listener.notLeader('This instance is not the leader'))
    if (this.#queue.length >= this.#maxQueuedWrites) {
      return Promise.reject(new BusyError(this.#queue.length, `maxQueuedWrites, ${this.#maxQueuedWrites}`))
    }
    const { write, answer } = this.#pending.add(opId, data, timeoutMs)
    if (this.#queuedBytes + write.bytes > this.#maxQueuedBytes && this.#queue.length > 0) {
      this.#pending.refuse(
        write,
        new BusyError(this.#queue.length, `maxQueuedBytes, ${this.#maxQueuedBytes} bytes`),
      )
      return answer
    }
    this.#queue.push(write)
    this.#queuedBytes += write.bytes
    // A turn later, so that writes of the same turn share an append.
    queueMicrotask(() => this.#appendNext())
    return answer
  }

  /** Queues a marker (see `markerEntry`), as `submit` does a write. */
  mark(bounds?: WindowBounds): Promise<Committed> {
    const opId = randomBytes(12).toString('base64url')
    return this.submit(opId, encodeEntry(markerEntry(opId, bounds)))
  }

  /** Serves a term: the replica is at the head that the claim found, and nothing of an older term is open. */
  open(connection: TermConnection, claim: Claim): void {
    this.#term = { connection, claim, head: claim.head, headTerm: claim.headTerm }
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
    this.#refuse(this.#queue, why)
    this.#queue = []
    this.#queuedBytes = 0
  }

  /** Resolves when no append is in flight. */
  async settled(): Promise<void> {
    await this.#appending
  }

  /**
   * Holds appends back while `run` works on the replica, which then stands still: also on a follower, which may come to
   * lead meanwhile. Writes gather. Resolves or rejects as `run` does.
   */
  async hold<T>(run: () => Promise<T>): Promise<T> {
    this.#holds++
    try {
      await this.#appending
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
    while (this.#queue.length > 0 && this.#appending && !signal.aborted) await this.#appending
    await this.#appending
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
          if (claimed) this.#requeue(append.writes)
          else this.#refuse(append.writes, 'The leader was replaced before the write entered the log')
          break
        case 'unknown':
          for (const write of append.writes)
            this.#pending.giveUp(write, 'Redis lost entries after the write was sent')
      }
    }
  }

  #appendNext(): void {
    if (this.#appending || this.#holds > 0 || !this.#term || this.#queue.length === 0) return
    this.#appending = this.#append(this.#term).finally(() => {
      this.#appending = undefined
      this.#appendNext()
    })
  }

  async #append(term: OpenTerm): Promise<void> {
    const batch = this.#takeBatch()
    if (batch.length === 0) return
    if (!this.#listener.mayAppend()) {
      this.#refuse(batch, 'The lease had run out when the write was to be sent')
      return
    }
    for (const write of batch) write.sent = true
    const request = { head: term.head, headTerm: term.headTerm, entries: batch.map((write) => write.data) }
    const sentMs = this.#clock.now()
    let outcome: AppendOutcome
    try {
      outcome = await term.connection.append(request)
    } catch {
      this.#listener.sent(sentBatch('lost', batch, sentMs, this.#clock.now()))
      const { claim } = term
      this.#lost.push({ writes: batch, first: term.head + 1, term: claim.term, stamp: claim })
      if (this.#term === term) this.#term = undefined
      term.connection.close()
      if (this.#present && !this.#accepting) this.resolveLost(this.#present, false)
      return
    }
    this.#listener.sent(sentBatch(outcome.kind, batch, sentMs, this.#clock.now()))
    this.#answered(term, batch, outcome)
  }

  #answered(term: OpenTerm, batch: readonly PendingWrite[], outcome: AppendOutcome): void {
    switch (outcome.kind) {
      case 'appended': {
        const { claim } = term
        term.head += batch.length
        term.headTerm = claim.term
        const now = this.#clock.now()
        for (const write of batch) this.#listener.requestTimed(now - write.submittedMs)
        // After the end of the term the entries come back by reading the log, after its history was compared.
        if (this.#term !== term) return
        this.#listener.appended(
          batch.map((write, i) => decodeEntry(outcome.first + i, claim.term, outcome.timeMs, write.data)),
          claim.nonce,
          bytesOf(batch),
        )
        return
      }
      case 'fenced':
        if (this.#term === term) this.#term = undefined
        this.#refuse(batch, `The log refused the write as FENCED (${outcome.why})`)
        this.#listener.fenced(outcome.why)
        return
      case 'moved':
        // The reign may go on where the log is now: the writes wait for that as others do.
        if (this.#accepting) this.#requeue(batch)
        else this.#refuse(batch, 'The log has moved to another server')
        if (this.#term === term) this.#term = undefined
        term.connection.close()
        return
      case 'refused':
        for (const write of batch) this.#pending.refuse(write, new LogRefusedError(outcome.error))
        if (outcome.lasting) term.connection.close()
    }
  }

  /** Takes what one append may carry, leaving out writes whose callers were answered meanwhile. */
  #takeBatch(): PendingWrite[] {
    const batch: PendingWrite[] = []
    let bytes = 0
    let taken = 0
    for (const write of this.#queue) {
      if (batch.length === MAX_BATCH_ENTRIES || (batch.length > 0 && bytes + write.bytes > MAX_BATCH_BYTES))
        break
      taken++
      this.#queuedBytes -= write.bytes
      if (!this.#pending.has(write)) continue
      batch.push(write)
      bytes += write.bytes
    }
    this.#queue = this.#queue.slice(taken)
    return batch
  }

  #requeue(writes: readonly PendingWrite[]): void {
    this.#queue = [...writes, ...this.#queue]
    for (const write of writes) {
      write.sent = false
      this.#queuedBytes += write.bytes
    }
  }

  #refuse(writes: readonly PendingWrite[], why: string): void {
    for (const write of writes) this.#pending.refuse(write, this.#listener.notLeader(why))
  }
}

import type { AppendOutcome, Claim, TermConnection } from '../log/log-store.js'

/** Appends on the way at once: while Redis runs one, the leader answers the writes of the other. */
const MOST_IN_FLIGHT = 2

/** An append on its way. */
export interface Flight {
  /** Where the log has to end for it to be taken. */
  readonly head: number
  readonly headTerm: number
  readonly entries: number
  /** Whether another one was on the way when it left, which decides whether the log ends there. */
  readonly behindAnother: boolean
}

/**
 * The term that a leader appends under, and where its log ends. Where many writes wait, two appends are on the way at once, one
 * behind the other on the connection: each names the head that the one before leaves, so that none is taken whose predecessor
 * was not (G5). After one that was not taken nothing is sent until all are answered: no two batches are ever sent for one index,
 * so that the index of one whose reply was lost tells whether it is in (G3).
 */
export class OpenTerm {
  readonly connection: TermConnection
  readonly claim: Claim
  #head: number
  #headTerm: number
  /** Where the log ends once it has everything that is in flight. */
  #sentHead: number
  #inFlight = 0
  /** True from an append that the log did not take until nothing is in flight. */
  #stalled = false

  constructor(connection: TermConnection, claim: Claim) {
    this.connection = connection
    this.claim = claim
    this.#head = this.#sentHead = claim.head
    this.#headTerm = claim.headTerm
  }

  /** How many of the entries that wait the next append may take; none while it is to wait. */
  room(waiting: number): number {
    const { worthAnAppend } = this.connection
    if (this.#inFlight === 0)
      return waiting < 2 * worthAnAppend ? waiting : Math.ceil(waiting / MOST_IN_FLIGHT)
    return this.#stalled || this.#inFlight === MOST_IN_FLIGHT || waiting < worthAnAppend ? 0 : waiting
  }

  /** An append of so many entries leaves. */
  sends(entries: number): Flight {
    const [head, behindAnother] = [this.#sentHead, this.#inFlight > 0]
    const headTerm = behindAnother ? this.claim.term : this.#headTerm
    this.#sentHead += entries
    this.#inFlight++
    return { head, headTerm, entries, behindAnother }
  }

  /** It was answered. */
  answered({ head, entries }: Flight, { kind }: AppendOutcome): void {
    if (kind === 'appended') {
      this.#head = head + entries
      this.#headTerm = this.claim.term
    } else this.#stalled = true
    if (--this.#inFlight > 0) return
    this.#sentHead = this.#head
    this.#stalled = false
  }
}

import { aborted, Bell, type Clock, jitter } from '../clock.js'
import type { Claim, LogStore, TermConnection } from '../log/log-store.js'
import type { Logger } from '../observe/logger.js'
import type { Candidacy, ServedTerm } from './candidacy.js'
import { HeldLease } from './held-lease.js'
import type { Lease, LeaseStore } from './lease.js'
import { demotionReason, type RoleEvent, type RoleState, transition } from './role.js'
import { TermOpening } from './term-opening.js'

const RETRY_MS = 50
/** Between a connection that closed and the next claim. */
const RECLAIM_MS = 20
/** After a claim that was refused. */
const BACK_OFF_MS = 250
/** After a lease that was of no use, because this instance cannot serve the log as it is. */
const UNFIT_MS = 1000
/** From the lease, or from a lost connection, to serving; whoever needs longer lets another one try. */
const TAKE_OVER_TIMEOUT_MS = 30_000
/** How long it tries again when something else than the term's connection fails it: others may have what it lacks. */
const TROUBLE_MS = 1000

type TermEnd = 'disconnected' | 'refused' | 'unfit' | 'over'

/**
 * Runs for leadership and holds it: waits for a vacancy, takes the lease, claims the log, has the node catch up, and
 * serves until the lease, the connection or the term ends (G1, G10). One serial loop; `role.ts` has the roles.
 */
export class Elector {
  readonly #leases: LeaseStore
  readonly #log: LogStore
  readonly #candidacy: Candidacy
  readonly #ttlMs: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #bell = new Bell()
  #state: RoleState = { role: 'stopped' }
  #held: HeldLease | undefined
  /** The last claim of the reign, served or not. */
  #claim: Claim | undefined
  #served: ServedTerm | undefined
  /** Whether this instance has served a term of the reign. */
  #hasLed = false
  #opening: TermOpening | undefined
  #fenced = new AbortController()
  #yielding = new AbortController()
  #reigning: Promise<void> = Promise.resolve()
  #stopping: AbortSignal | undefined
  #lastSignMs: number

  constructor(parts: {
    leases: LeaseStore
    log: LogStore
    candidacy: Candidacy
    ttlMs: number
    clock: Clock
    logger: Logger
  }) {
    this.#leases = parts.leases
    this.#log = parts.log
    this.#candidacy = parts.candidacy
    this.#ttlMs = parts.ttlMs
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#lastSignMs = parts.clock.now()
  }

  get state(): RoleState {
    return this.#state
  }

  /** The term that is being served. */
  get served(): ServedTerm | undefined {
    return this.#served
  }

  /** Whether this instance leads at this very moment, by the monotonic deadline of its lease and not by a flag. */
  get leads(): boolean {
    return (
      this.#state.role === 'leader' &&
      this.#held?.valid === true &&
      this.#served?.connection.closed.aborted === false
    )
  }

  /** How much of the lease that this instance holds is left, in ms; 0 without one. */
  get leaseLeftMs(): number {
    return this.#held?.leftMs ?? 0
  }

  /** The log refused an append, or shows another claim: this instance does not lead, whatever its lease says (G2). */
  fenced(why: string): void {
    this.#logger.warn({ event: 'fenced', why }, 'the log has another leader')
    this.#fenced.abort()
  }

  /** Gives leadership up, for the heir that was named before. Resolves once the lease was given back. */
  async handOver(): Promise<void> {
    this.#yielding.abort()
    await this.#reigning
  }

  /** There may be a vacancy in a moment: what a claim needs is made ready meanwhile. */
  prepare(): void {
    if (this.#state.role === 'follower' && !this.#opening?.isKept) this.#opening = this.#open()
  }

  /** Looks again at once whether there is a vacancy. */
  wake(): void {
    this.#bell.ring()
  }

  /** The leader gave its lease back, or lost it; it was last known to lead at `seenMs`. */
  noticedVacancy(seenMs = this.#clock.now()): void {
    this.#lastSignMs = seenMs
    this.#bell.ring()
  }

  /** Runs until `signal` aborts; then gives up leadership, tells the others, and returns. */
  async run(signal: AbortSignal): Promise<void> {
    this.#stopping = signal
    this.#enter({ type: 'started' })
    while (!signal.aborted) {
      await this.#vacancy(signal)
      if (signal.aborted) break
      this.prepare()
      const lease = await this.#tryAcquire()
      if (lease) await (this.#reigning = this.#reign(lease, signal))
      else await this.#clock.sleep(jitter(this.#clock, RETRY_MS), signal) // somebody was faster, or the votes were split
    }
    this.#opening?.discard()
    this.#enter({ type: 'stopped' })
  }

  /** Resolves when there is a vacancy, and nobody whom this instance lets go first has taken it. */
  async #vacancy(signal: AbortSignal): Promise<void> {
    let runAtMs = Number.POSITIVE_INFINITY
    while (!signal.aborted) {
      let waitMs = jitter(this.#clock, RETRY_MS)
      try {
        const { vacantInMs } = await this.#leases.look()
        const now = this.#clock.now()
        if (vacantInMs > 0)
          this.#lastSignMs = Math.max(this.#lastSignMs, now - Math.max(0, this.#ttlMs - vacantInMs))
        this.#candidacy.vacancyChanged(vacantInMs === 0)
        if (vacantInMs === 0) {
          const { eligible, delayMs } = await this.#candidacy.standing()
          runAtMs = eligible ? Math.min(runAtMs, this.#clock.now() + delayMs) : Number.POSITIVE_INFINITY
          waitMs = eligible ? runAtMs - this.#clock.now() : delayMs
          if (waitMs <= 0) return
        } else {
          runAtMs = Number.POSITIVE_INFINITY
          waitMs = Math.min(vacantInMs + 1, this.#ttlMs) // whoever clears a lease without an end away tells nobody
        }
      } catch (error) {
        this.#logger.debug({ err: error }, 'looking at the lease failed')
      }
      await this.#bell.wait(this.#clock, waitMs, signal)
    }
  }

  async #tryAcquire(): Promise<Lease | undefined> {
    try {
      return await this.#leases.acquire()
    } catch (error) {
      this.#logger.debug({ err: error }, 'acquiring the lease failed')
      return undefined
    }
  }

  /** From the grant of a lease to its end, through as many terms as there are connections. */
  async #reign(lease: Lease, signal: AbortSignal): Promise<void> {
    this.#fenced = new AbortController()
    this.#yielding = new AbortController()
    const { renewalAsked } = this.#candidacy
    const held = new HeldLease(this.#leases, lease, this.#ttlMs, this.#clock, this.#logger, renewalAsked)
    this.#held = held
    const over = AbortSignal.any([signal, held.ended, this.#fenced.signal, this.#yielding.signal])
    const released = new AbortController()
    const kept = held.keep(released.signal)
    this.#hasLed = false
    this.#enter({ type: 'leaseAcquired' })

    let end: TermEnd = 'disconnected'
    let sinceMs = this.#clock.now()
    this.#claim = undefined
    while (end === 'disconnected' && !over.aborted) {
      end = await this.#term(held, over, sinceMs)
      if (this.#served) sinceMs = this.#clock.now()
      this.#served = undefined
      if (end === 'disconnected') await this.#clock.sleep(jitter(this.#clock, RECLAIM_MS), over)
    }

    const ended = this.#endOfReign(held)
    this.#enter(ended)
    released.abort()
    await kept
    await this.#leases
      .release(held.lease, this.#hasLed ? demotionReason(ended) : undefined)
      .catch((error: unknown) => {
        this.#logger.debug({ err: error }, 'the lease could not be given back; it expires by itself')
      })
    this.#held = undefined
    if (end === 'unfit') await this.#clock.sleep(jitter(this.#clock, UNFIT_MS), signal)
    else if (end !== 'over' || this.#fenced.signal.aborted)
      await this.#clock.sleep(jitter(this.#clock, BACK_OFF_MS), signal)
  }

  /** One connection: claim, take over, serve until something ends. `sinceMs`: since when this instance tries to. */
  async #term(held: HeldLease, over: AbortSignal, sinceMs: number): Promise<TermEnd> {
    const tooLate = new AbortController()
    const leftMs = sinceMs + TAKE_OVER_TIMEOUT_MS - this.#clock.now()
    const cancelDeadline = this.#clock.timer(leftMs, () => tooLate.abort())
    const last = this.#claim
    let connection: TermConnection | undefined
    try {
      connection = await this.#takeOpening().take(AbortSignal.any([over, tooLate.signal]))
      const stored = await connection.storedTerm()
      if (last && stored > last.term) return 'refused'
      if (!held.valid) return 'over' // a last look: whoever paused between lease and claim must not depose a good leader
      const reason = this.#candidacy.reason()
      const outcome = await connection.claim({
        expectedTerm: stored,
        floor: this.#candidacy.floor(),
        leader: this.#candidacy.self(),
        leaseValue: held.lease.value,
        reason,
        appVersion: this.#candidacy.appVersion,
      })
      if (outcome.kind === 'tooOld') {
        this.#logger.warn(
          { event: 'claimRefused', outcome: outcome.kind, appVersion: outcome.appVersion },
          'the log holds what a newer version of the app wrote',
        )
        return 'unfit'
      }
      if (outcome.kind !== 'claimed') {
        this.#logger.info({ event: 'claimRefused', outcome: outcome.kind }, 'the claim was refused')
        return 'refused'
      }
      this.#claim = outcome.claim
      const alive = AbortSignal.any([over, connection.closed, tooLate.signal])
      const claim = await this.#candidacy.takeOver(outcome.claim, connection, alive)
      if (over.aborted) return 'over'
      if (connection.closed.aborted) return 'disconnected'
      if (!claim || !held.valid) return 'unfit'
      this.#claim = claim

      cancelDeadline()
      this.#served = { claim, connection, vacantSinceMs: this.#lastSignMs, failover: stored !== 0, reason }
      const unbroken = last !== undefined && stored === last.term && !claim.replIdChanged
      this.#hasLed = true
      this.#enter({ type: 'caughtUp', term: claim.term, unbroken })
      this.#leases.announceLeader()
      await aborted(AbortSignal.any([over, connection.closed]))
      this.#lastSignMs = this.#clock.now()
      this.#enter(over.aborted ? this.#endOfReign(held) : { type: 'disconnected' })
      return over.aborted ? 'over' : 'disconnected'
    } catch (error) {
      this.#logger.debug({ err: error }, 'taking over failed')
      if (over.aborted) return 'over'
      const inTrouble = connection?.closed.aborted === false && this.#clock.now() - sinceMs > TROUBLE_MS
      return tooLate.signal.aborted || inTrouble ? 'unfit' : 'disconnected'
    } finally {
      cancelDeadline()
      // The role has ended by now; what is in flight may still get its answer.
      if (connection) await this.#candidacy.retire(connection)
    }
  }

  #open(): TermOpening {
    return new TermOpening(this.#log, this.#clock)
  }

  #takeOpening(): TermOpening {
    const opening = this.#opening?.isKept ? this.#opening : this.#open()
    this.#opening = undefined
    return opening
  }

  #endOfReign(held: HeldLease): RoleEvent {
    if (this.#stopping?.aborted) return { type: 'stopped' }
    if (this.#fenced.signal.aborted) return { type: 'leaseEnded', reason: 'fenced' }
    if (this.#yielding.signal.aborted) return { type: 'leaseEnded', reason: 'switchover' }
    return { type: 'leaseEnded', reason: held.ended.aborted ? 'expired' : 'disconnected' }
  }

  /** The only place where the role changes: state first, then whoever wants to know. */
  #enter(event: RoleEvent): void {
    const before = this.#state
    const next = transition(before, event)
    if (next === before) return
    this.#state = next
    this.#candidacy.roleChanged(next, before, event)
  }
}

import type { LeaderInfo } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { jitter, now } from './clock.js'
import type { Hold, Server } from './hold.js'
import { traceHold } from './request-spans.js'

/** How long the same leader is left alone after it refused; doubled each time up to the longest. */
const FIRST_PAUSE_MS = 35
const LONGEST_PAUSE_MS = 400
/** What a connection to a leader that is well may take, however short the hold. */
const CONNECTION_MS = 1000

/** One request's search for whoever serves it. It remembers who refused it, and asks them again only after a pause. */
export class LeaderSearch {
  readonly #node: AdapterNode
  readonly #hold: Hold
  readonly #gone: AbortSignal
  readonly #reachable: (leader: LeaderInfo) => boolean
  #ranHere = false
  #deadline: number | undefined
  #pauseMs = FIRST_PAUSE_MS
  #refusal: { leader: LeaderInfo; why: string; askAgainAt: number } | undefined

  /** @param reachable whether the request has a way to a leader; one that it cannot reach is as good as none */
  constructor(node: AdapterNode, hold: Hold, gone: AbortSignal, reachable: (leader: LeaderInfo) => boolean) {
    this.#node = node
    this.#hold = hold
    this.#gone = gone
    this.#reachable = reachable
  }

  /**
   * Whoever is to serve the request now, waiting in the hold if there is nobody.
   *
   * @param bytes what the request keeps in memory meanwhile
   * @throws NoLeaderError, ClientGoneError as `Hold.wait`
   */
  async next(bytes: number): Promise<Server> {
    const server = this.#find()
    if (server === 'here') return server
    // The time to wait begins when waiting begins: a slow upload is not the leader's fault.
    if (server && (this.#deadline === undefined || now() < this.#deadline)) return server
    const waiting = {
      bytes,
      deadline: this.#startWaiting(),
      gone: this.#gone,
      find: () => this.#find(),
      why: () => this.#why(),
    }
    return traceHold(this.#node, () => this.#hold.wait(waiting))
  }

  /**
   * The leader did not run the request, for sure: `why`. Another leader is asked at once, the same one after a pause.
   *
   * @param wasCut whether the deadline cut the try short; then the one before it says more
   */
  refused(leader: LeaderInfo, why: string, wasCut = false): void {
    this.#startWaiting()
    const before = this.#refusal?.leader.id === leader.id ? this.#refusal.why : undefined
    const reason = wasCut ? (before ?? why) : why
    this.#refusal = { leader, why: reason, askAgainAt: now() + jitter(this.#pauseMs) }
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
  }

  /**
   * This instance ran the request and was deposed: the time to wait for another one begins. Should it lead again, it gets the
   * request as any other leader would, by its `url`.
   */
  deposed(): void {
    this.#ranHere = true
    this.#startWaiting()
  }

  /** How long the request may still wait, in ms. One that has not waited yet has time for a connection in any case. */
  get remainingMs(): number {
    if (this.#deadline === undefined) return Math.max(CONNECTION_MS, this.#hold.limits.ms)
    return Math.max(0, this.#deadline - now())
  }

  #startWaiting(): number {
    this.#deadline ??= now() + this.#hold.limits.ms
    return this.#deadline
  }

  #find(): Server | undefined {
    const { role, leader, isLeader, id } = this.#node
    if (isLeader && !(this.#ranHere && leader && this.#reachable(leader))) return 'here'
    if (role === 'candidate' || !leader || !this.#reachable(leader)) return undefined
    if (leader.id === id && !isLeader) return undefined
    return this.#mustPause(leader) ? undefined : leader
  }

  #mustPause({ id, term }: LeaderInfo): boolean {
    if (this.#refusal?.leader.id !== id || this.#refusal.leader.term !== term) return false
    return now() < this.#refusal.askAgainAt
  }

  #why(): string {
    const last = this.#refusal ? `; the last, ${this.#refusal.leader.id}, ${this.#refusal.why}` : ''
    return `No leader took the request within ${this.#hold.limits.ms} ms${last}`
  }
}

import type { LeaderInfo } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { after, now } from './clock.js'
import { ClientGoneError, NoLeaderError } from './errors.js'
import { isGone } from './shutting-down.js'

/** How long, and how much of it, requests wait for a leader. */
export interface HoldLimits {
  /** How long one request waits, in ms. */
  readonly ms: number
  /** Requests that wait at a time. */
  readonly maxRequests: number
  /** Bytes of bodies in memory that wait at a time. */
  readonly maxBytes: number
}

/** Who is to serve a request: this instance, or the leader. */
export type Server = 'here' | LeaderInfo

/** How often those who wait look for themselves, in case something changes without an event. */
const LOOK_EVERY_MS = 25

/** A request that waits. */
export interface Waiting {
  /** What it keeps in memory. */
  readonly bytes: number
  /** When it gives up, by the monotonic clock. */
  readonly deadline: number
  /** Aborts when its client goes away. */
  readonly gone: AbortSignal
  /** Looks for somebody to serve it. */
  find(): Server | undefined
  /** Says why it found nobody. */
  why(): string
}

interface Place {
  readonly request: Waiting
  settle(outcome: Server | Error): void
}

/** The waiting room of all requests that found no leader. It watches the node only while somebody waits. */
export class Hold {
  readonly limits: HoldLimits
  readonly #node: AdapterNode
  readonly #places = new Set<Place>()
  #bytes = 0
  #stopWatching: (() => void) | undefined

  constructor(node: AdapterNode, limits: HoldLimits) {
    this.#node = node
    this.limits = limits
  }

  /** Requests that wait now. */
  get size(): number {
    return this.#places.size
  }

  /**
   * Waits until the request finds somebody, looking whenever the leader changes.
   *
   * @throws NoLeaderError at its deadline, or at once if the room is full
   * @throws ClientGoneError when its client goes away
   */
  wait(request: Waiting): Promise<Server> {
    const { maxRequests, maxBytes } = this.limits
    if (this.#places.size >= maxRequests || this.#bytes + request.bytes > maxBytes) {
      return Promise.reject(
        new NoLeaderError(`No leader is known, and ${this.#places.size} requests wait for one already`),
      )
    }
    return new Promise((resolve, reject) => {
      const onGone = () => place.settle(new ClientGoneError('the client went away while its request waited'))
      const place: Place = {
        request,
        settle: (outcome) => {
          request.gone.removeEventListener('abort', onGone)
          this.#leave(place)
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome)
        },
      }
      this.#enter(place)
      if (request.gone.aborted) onGone()
      else request.gone.addEventListener('abort', onGone)
    })
  }

  #enter(place: Place) {
    this.#places.add(place)
    this.#bytes += place.request.bytes
    this.#stopWatching ??= this.#watch()
  }

  #leave(place: Place) {
    if (!this.#places.delete(place)) return
    this.#bytes -= place.request.bytes
    if (this.#places.size > 0) return
    this.#stopWatching?.()
    this.#stopWatching = undefined
  }

  #look = () => {
    const time = now()
    for (const place of this.#places) {
      const server = place.request.find()
      if (server) place.settle(server)
      else if (time >= place.request.deadline || isGone(this.#node))
        place.settle(new NoLeaderError(place.request.why()))
    }
  }

  #watch(): () => void {
    const tick = () => {
      cancel = after(LOOK_EVERY_MS, tick) // before looking: the last one to leave cancels it
      this.#look()
    }
    let cancel = after(LOOK_EVERY_MS, tick)
    this.#node.on('leaderChanged', this.#look)
    this.#node.on('elected', this.#look)
    return () => {
      cancel()
      this.#node.off('leaderChanged', this.#look)
      this.#node.off('elected', this.#look)
    }
  }
}

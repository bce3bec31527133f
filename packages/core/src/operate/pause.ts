import { type Clock, withDeadline } from '../clock.js'
import { OptionChecks } from '../option-checks.js'
import type { Orders, OrderStore } from './orders.js'

/** A Redis that stands still must not hold up a failover: after this, what was heard last counts. */
const READ_TIMEOUT_MS = 250
const MAX_PAUSE_MS = 31_536_000_000

/** Options of `pause`. */
export interface PauseOptions {
  /** After so many ms it ends by itself. Default: it lasts until `resume()`. */
  readonly forMs?: number
}

/**
 * What a caller has asked for.
 *
 * @throws OptionsError if `forMs` is not a whole number of at least 1.
 */
export function checkPause({ forMs }: PauseOptions): PauseOptions {
  const check = new OptionChecks()
  if (forMs !== undefined) check.integer('forMs', forMs, 1, MAX_PAUSE_MS, 'ms')
  check.throwIfAny()
  return forMs === undefined ? {} : { forMs }
}

/** Whether an instance may run for a vacancy now. */
export interface Leave {
  readonly mayRun: boolean
  /** Whether the leader has named it to follow: it does not wait for anybody. */
  readonly isHeir: boolean
  /** After how many ms it may be otherwise; undefined if that is not known. */
  readonly againMs?: number | undefined
}

/**
 * What orders mean for an instance that finds a vacancy. Others than the heir let it go first. While the group is paused
 * nobody takes over from another: only whoever led last may go on, and the heir of a switchover that an operator has asked
 * for.
 */
export function leaveOf({ paused, pauseLeftMs, claimantId, heir }: Orders, id: string): Leave {
  const isNamed = heir !== undefined && heir.leftMs > 0 && heir.id !== claimantId // else it has led already
  if (isNamed) return { mayRun: heir.id === id, isHeir: heir.id === id, againMs: heir.leftMs }
  return { mayRun: !paused || claimantId === id, isHeir: false, againMs: pauseLeftMs }
}

/** Whether the group is paused, as this instance heard last, and as Redis has it whenever that decides. */
export class Pause {
  readonly #orders: OrderStore
  readonly #clock: Clock
  readonly #id: string
  readonly #changed: () => void
  #active = false

  constructor(parts: { orders: OrderStore; clock: Clock; id: string; changed: () => void }) {
    this.#orders = parts.orders
    this.#clock = parts.clock
    this.#id = parts.id
    this.#changed = parts.changed
  }

  /** As heard last. */
  get active(): boolean {
    return this.#active
  }

  heard({ paused }: Orders): void {
    if (paused === this.#active) return
    this.#active = paused
    this.#changed()
  }

  /** Asked by whoever is about to run: a notice may have been lost. */
  async leave(): Promise<Leave> {
    const late = () => new Error('no answer')
    const read = withDeadline(this.#clock, this.#orders.read(), READ_TIMEOUT_MS, late)
    const orders = await read.catch(() => undefined)
    if (!orders) return { mayRun: !this.#active, isHeir: false }
    this.heard(orders)
    return leaveOf(orders, this.#id)
  }
}

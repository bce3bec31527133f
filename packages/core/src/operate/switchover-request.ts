import { randomUUID } from 'node:crypto'
import { type Clock, settledWithin } from '../clock.js'
import { LeaseholdError, SWITCHOVER_REASONS, SwitchoverFailedError } from '../errors.js'
import type { LeaderInfo } from '../events.js'
import { OptionChecks } from '../option-checks.js'
import type { OrderStore, SwitchoverOrder } from './orders.js'

const LOOK_MS = 10
/** How long whoever asked waits beyond the time that the leader has: the outcome has to be told. */
const GRACE_MS = 1000
/** How long it waits to learn who leads. */
const KNOWN_MS = 1000

/** By default, how long a switchover may take. */
const SWITCHOVER_MS = 10_000
const MAX_SWITCHOVER_MS = 3_600_000

/** What stands in an order that was carried out. */
export const DONE = 'done'

/** Options of `switchover`. */
export interface SwitchoverOptions {
  /** Name or id of the instance that is to lead. Default: the best one, by the order in which instances run. */
  readonly to?: string
  /** After so many ms it is given up, and the leader goes on. Default 10000. */
  readonly timeoutMs?: number
}

/**
 * What a caller has asked for; `to` is empty for the best one.
 *
 * @throws OptionsError if `to` is not a name or an id, or `timeoutMs` not a whole number of at least 100.
 */
export function checkSwitchover(options: SwitchoverOptions): Required<SwitchoverOptions> {
  const { to, timeoutMs = SWITCHOVER_MS } = options
  const check = new OptionChecks()
  if (to !== undefined) check.label('to', to)
  check.integer('timeoutMs', timeoutMs, 100, MAX_SWITCHOVER_MS, 'ms')
  check.throwIfAny()
  return { to: to ?? '', timeoutMs }
}

/** What whoever asks for a switchover needs; it need not be an instance. */
export interface SwitchoverRequestParts {
  readonly orders: OrderStore
  readonly clock: Clock
  /** Who leads, as far as is known here. */
  readonly leader: () => LeaderInfo | undefined
  /** Resolves once somebody is known to lead. */
  readonly known: () => Promise<void>
  /** Who has claimed last, as the log has it. */
  readonly claimant: () => Promise<LeaderInfo | undefined>
  /** Has everybody look at the orders. */
  readonly announce: () => void
  /** The order stands and was announced. */
  readonly ordered: () => void
}

/** Asks for a switchover: writes the order down, has all look at it, and waits until whoever leads says what came of it. */
export class SwitchoverRequest {
  readonly #parts: SwitchoverRequestParts

  constructor(parts: SwitchoverRequestParts) {
    this.#parts = parts
  }

  /**
   * Resolves with the new leader once it serves.
   *
   * @throws SwitchoverFailedError, LeaseholdError `NO_LEADER`, `STOPPED`, `REDIS_UNREACHABLE`
   */
  async run(to: string, withinMs: number, signal: AbortSignal): Promise<LeaderInfo> {
    const { orders, clock, announce, ordered } = this.#parts
    if (signal.aborted) throw stopped()
    const id = randomUUID()
    if (!(await orders.orderSwitchover(id, to, withinMs).catch(unreachable)))
      throw new SwitchoverFailedError('UNDER_WAY', 'another one is under way')
    announce()
    ordered()
    const untilMs = clock.now() + withinMs + GRACE_MS
    await this.#leaderFor(id)
    while (!signal.aborted) {
      const order = await orders.read().then(
        ({ switchover }) => switchover,
        () => 'unknown' as const,
      )
      if (order !== 'unknown') {
        if (order?.id !== id) throw new SwitchoverFailedError('LEADER_CHANGED', 'Redis has lost the order')
        if (order.outcome !== '') return this.#end(order)
      }
      if (clock.now() >= untilMs) {
        // From now on nobody begins with it.
        const outcome = outcomeOf(new SwitchoverFailedError('TIMEOUT', 'nobody has said what came of it'))
        await orders.endSwitchover(id, outcome).catch(unreachable)
        const { switchover } = await orders.read().catch(unreachable)
        return this.#end(switchover ?? { outcome })
      }
      await clock.sleep(LOOK_MS, signal)
    }
    throw stopped()
  }

  /** In the middle of a change of leader nobody is known for a moment; beyond that there is nobody to hand over. */
  async #leaderFor(order: string): Promise<void> {
    const { clock, leader, known, orders } = this.#parts
    if (!leader()) await settledWithin(clock, known(), KNOWN_MS)
    if (leader()) return
    const outcome = outcomeOf(new SwitchoverFailedError('LEADER_CHANGED', 'nobody leads'))
    if (await orders.endSwitchover(order, outcome).catch(unreachable))
      throw new LeaseholdError('NO_LEADER', 'Nobody leads who could hand over.', { retryable: true })
  }

  async #end({ outcome }: Pick<SwitchoverOrder, 'outcome'>): Promise<LeaderInfo> {
    if (outcome !== DONE) {
      const [code, why = ''] = outcome.split(/ (.*)/s)
      const reason = SWITCHOVER_REASONS.find((known) => known === code) ?? 'TIMEOUT'
      throw new SwitchoverFailedError(reason, why)
    }
    const leader = await this.#parts.claimant().catch(unreachable)
    if (!leader) throw new SwitchoverFailedError('LEADER_CHANGED', 'nobody leads by now')
    return leader
  }
}

/** A failure as it stands in the order. */
export function outcomeOf({ reason, why }: SwitchoverFailedError): string {
  return `${reason} ${why}`
}

function unreachable(cause: unknown): never {
  throw new LeaseholdError(
    'REDIS_UNREACHABLE',
    'Redis did not answer; whether leadership changes is not known.',
    {
      cause,
    },
  )
}

function stopped(): LeaseholdError {
  return new LeaseholdError('STOPPED', 'The node was stopped; whether leadership changes is not known.')
}

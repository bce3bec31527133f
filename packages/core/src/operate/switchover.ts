import { randomUUID } from 'node:crypto'
import { type Clock, settledWithin } from '../clock.js'
import { LeaseholdError, SWITCHOVER_REASONS, SwitchoverFailedError } from '../errors.js'
import type { LeaderInfo } from '../events.js'
import type { Logger } from '../observe/logger.js'
import { SharedCall } from '../shared-call.js'
import type { HandOver } from './hand-over.js'
import type { Orders, OrderStore, SwitchoverOrder } from './orders.js'

const LOOK_MS = 10
const DONE = 'done'
/** How long whoever asked waits beyond the time that the leader has: the outcome has to be told. */
const GRACE_MS = 1000
/** How long it waits to learn who leads. */
const KNOWN_MS = 1000

/** By default, how long a switchover may take. */
export const SWITCHOVER_MS = 10_000

/** Options of `switchover`. */
export interface SwitchoverOptions {
  /** Name or id of the instance that is to lead. Default: the best one, by the order in which instances run. */
  readonly to?: string
  /** After so many ms it is given up, and the leader goes on. Default 10000. */
  readonly timeoutMs?: number
}

interface SwitchoverParts {
  readonly id: string
  readonly name: string
  readonly orders: OrderStore
  readonly handOver: HandOver
  readonly clock: Clock
  readonly logger: Logger
  /** Whether this instance leads. */
  readonly leads: () => boolean
  /** Who leads, as this instance knows it. */
  readonly leader: () => LeaderInfo | undefined
  /** Resolves once somebody is known to lead. */
  readonly known: () => Promise<void>
  /** Who has claimed last, as the log has it. */
  readonly claimant: () => Promise<LeaderInfo | undefined>
  /** Has everybody look at the orders. */
  readonly announce: () => void
  /** Orders were read. */
  readonly heard: (orders: Orders) => void
}

/**
 * A planned change of leader. Whoever asks for it writes an order down and waits for its outcome; whoever leads carries it
 * out; whoever leads after that says what came of it. So it works on every instance, and a leader that dies meanwhile
 * takes nothing with it: the next one finds the order.
 */
export class Switchover {
  readonly #parts: SwitchoverParts
  readonly #look: SharedCall<void>
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(parts: SwitchoverParts) {
    this.#parts = parts
    this.#look = new SharedCall(() => this.#act())
  }

  /**
   * Resolves with the new leader once it serves.
   *
   * @throws SwitchoverFailedError, LeaseholdError `NO_LEADER`, `STOPPED`, `REDIS_UNREACHABLE`
   */
  async request(to: string, withinMs: number): Promise<LeaderInfo> {
    const { orders, clock, announce } = this.#parts
    if (this.#stopping.signal.aborted) throw stopped()
    const id = randomUUID()
    if (!(await orders.orderSwitchover(id, to, withinMs).catch(unreachable)))
      throw new SwitchoverFailedError('UNDER_WAY', 'another one is under way')
    announce()
    void this.look()
    const untilMs = clock.now() + withinMs + GRACE_MS
    await this.#leaderFor(id)
    while (!this.#stopping.signal.aborted) {
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
      await clock.sleep(LOOK_MS, this.#stopping.signal)
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

  /** Looks at the orders; a leader carries out what is to be done. Never rejects, and does not wait for that. */
  async look(): Promise<void> {
    await this.#look.ask().catch((error: unknown) => {
      this.#parts.logger.debug({ err: error }, 'the orders could not be read')
    })
  }

  /** Ends what is under way here: this instance stops. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #act(): Promise<void> {
    const { orders, heard, leads } = this.#parts
    const found = await orders.read()
    heard(found)
    const { switchover: order } = found
    if (!order || order.outcome !== '' || this.#running || !leads()) return
    const outcome = this.#cameTo(found, order)
    if (outcome !== undefined) await orders.endSwitchover(order.id, outcome)
    else if (order.leftMs > 0) this.#begin(order)
  }

  /** What an order came to by the fact that this instance leads; undefined if it is still to be carried out. */
  #cameTo({ heir, paused }: Orders, { to, from }: SwitchoverOrder): string | undefined {
    const { id, name } = this.#parts
    const isMeant = to === '' || to === id || to === name
    if (isMeant && from !== id) return DONE
    // It was named under this order, the lease was given back, and it is not the one that leads now.
    if (heir && heir.id !== id)
      return outcomeOf(new SwitchoverFailedError('HEIR_FAILED', `${heir.id} did not take over; ${id} leads`))
    if (paused && to === '')
      return outcomeOf(new SwitchoverFailedError('PAUSED', 'the group is paused: name the instance to lead'))
    return undefined
  }

  #begin({ id, to, leftMs }: SwitchoverOrder): void {
    this.#running = this.#carryOut(id, to, leftMs).finally(() => {
      this.#running = undefined
    })
  }

  async #carryOut(id: string, to: string, withinMs: number): Promise<void> {
    const { orders, handOver, logger, clock } = this.#parts
    const startedMs = clock.now()
    logger.info({ event: 'switchoverBegan', order: id, to, withinMs }, 'a switchover was asked for')
    try {
      await handOver.run(to, withinMs, this.#stopping.signal)
      const ms = Math.round(clock.now() - startedMs)
      logger.info({ event: 'switchoverHandedOver', order: id, ms }, 'the lease was given back for the heir')
    } catch (error) {
      const why =
        error instanceof SwitchoverFailedError ? error : new SwitchoverFailedError('TIMEOUT', String(error))
      const { reason, why: because } = why
      logger.warn({ event: 'switchoverFailed', order: id, to, reason, because }, 'a switchover failed')
      // The next leader goes on with what was only interrupted.
      if (why.reason === 'STOPPED' || why.reason === 'LEADER_CHANGED') return
      await orders.endSwitchover(id, outcomeOf(why)).catch(() => {})
    }
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

function outcomeOf({ reason, why }: SwitchoverFailedError): string {
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

import { SwitchoverFailedError } from '../errors.js'
import type { LeaderInfo } from '../events.js'
import type { Logger } from '../observe/logger.js'
import { SharedCall } from '../shared-call.js'
import type { HandOver } from './hand-over.js'
import type { Orders, SwitchoverOrder } from './orders.js'
import { DONE, outcomeOf, SwitchoverRequest, type SwitchoverRequestParts } from './switchover-request.js'

interface SwitchoverParts extends Omit<SwitchoverRequestParts, 'ordered'> {
  readonly id: string
  readonly name: string
  readonly handOver: HandOver
  readonly logger: Logger
  /** Whether this instance leads. */
  readonly leads: () => boolean
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

  /** See `SwitchoverRequest.run`. */
  request(to: string, withinMs: number): Promise<LeaderInfo> {
    const request = new SwitchoverRequest({ ...this.#parts, ordered: () => void this.look() })
    return request.run(to, withinMs, this.#stopping.signal)
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
}

import type { Redis } from 'ioredis'
import type { Orders, OrderStore } from '../operate/orders.js'
import { callScript, type ScriptName } from './call-script.js'
import type { Keys } from './keys.js'

type OrdersReply = [
  paused: string,
  pauseLeftMs: string,
  claimant: string,
  heir: string,
  heirLeftMs: string,
  id: string,
  to: string,
  from: string,
  leftMs: string,
  outcome: string,
]

/** Orders as fields of the hash that says who may append. */
export class RedisOrderStore implements OrderStore {
  readonly #client: Redis
  readonly #keys: Keys

  constructor(client: Redis, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  async read(): Promise<Orders> {
    const reply = (await this.#call('readOrders')) as OrdersReply
    const [paused, pauseLeftMs, claimant, heir, heirLeftMs, id, to, from, leftMs, outcome] = reply
    return {
      paused: paused === '1',
      pauseLeftMs: pauseLeftMs === '' ? undefined : Number(pauseLeftMs),
      claimantId: claimant || undefined,
      heir: heir === '' ? undefined : { id: heir, leftMs: Number(heirLeftMs) },
      switchover: id === '' ? undefined : { id, to, from, leftMs: Number(leftMs), outcome },
    }
  }

  async orderSwitchover(id: string, to: string, withinMs: number): Promise<boolean> {
    return (await this.#call('orderSwitchover', id, to, withinMs)) === 1
  }

  async endSwitchover(id: string, outcome: string): Promise<boolean> {
    return (await this.#call('endSwitchover', id, outcome)) === 1
  }

  async nameHeir(claim: { term: number; nonce: string }, id: string, ms: number): Promise<boolean> {
    return (await this.#call('nameHeir', claim.term, claim.nonce, id, ms)) === 1
  }

  async pause(forMs: number | undefined): Promise<void> {
    await this.#call('pause', forMs ?? 0)
  }

  async resume(): Promise<void> {
    await this.#call('pause', '')
  }

  #call(script: ScriptName, ...args: (string | number)[]): Promise<unknown> {
    return callScript(this.#client, script, [this.#keys.meta], args)
  }
}

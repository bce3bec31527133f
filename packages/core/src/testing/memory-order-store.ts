import type { Orders, OrderStore } from '../operate/orders.js'
import type { MemoryClient } from './memory-client.js'

/** Orders in a Redis in memory: does what the scripts about orders, heirs and pauses do. */
export class MemoryOrderStore implements OrderStore {
  readonly #client: MemoryClient

  constructor(client: MemoryClient) {
    this.#client = client
  }

  read(): Promise<Orders> {
    return this.#client.call('readOrders', ({ data: { meta }, timeMs }) => {
      const { pausedUntilMs, heir, heirUntilMs, switchover, leader } = meta
      const left = (untilMs = 0) => Math.max(0, untilMs - timeMs)
      const paused = pausedUntilMs !== undefined && (pausedUntilMs === 0 || pausedUntilMs > timeMs)
      const { untilMs, ...order } = switchover ?? { untilMs: 0 }
      return {
        paused,
        pauseLeftMs: paused && pausedUntilMs > 0 ? left(pausedUntilMs) : undefined,
        claimantId: leader,
        heir: heir === undefined ? undefined : { id: heir, leftMs: left(heirUntilMs) },
        switchover: 'id' in order ? { ...order, leftMs: left(untilMs) } : undefined,
      }
    })
  }

  orderSwitchover(id: string, to: string, withinMs: number): Promise<boolean> {
    return this.#client.call('orderSwitchover', ({ data: { meta }, timeMs }) => {
      const { switchover, leader = '' } = meta
      if (switchover?.outcome === '' && switchover.untilMs > timeMs) return false
      meta.switchover = { id, to, from: leader, untilMs: timeMs + withinMs, outcome: '' }
      delete meta.heir
      delete meta.heirUntilMs
      return true
    })
  }

  endSwitchover(id: string, outcome: string): Promise<boolean> {
    return this.#client.call('endSwitchover', ({ data: { meta } }) => {
      const { switchover } = meta
      if (switchover?.id !== id || switchover.outcome !== '') return false
      meta.switchover = { ...switchover, outcome }
      return true
    })
  }

  nameHeir(claim: { term: number; nonce: string }, id: string, ms: number): Promise<boolean> {
    return this.#client.call('nameHeir', ({ data: { meta }, timeMs }) => {
      if (meta.term !== claim.term || meta.nonce !== claim.nonce) return false
      meta.heir = id
      meta.heirUntilMs = timeMs + ms
      return true
    })
  }

  async pause(forMs: number | undefined): Promise<void> {
    await this.#client.call('pause', ({ data: { meta }, timeMs }) => {
      meta.pausedUntilMs = forMs === undefined ? 0 : timeMs + forMs
    })
  }

  async resume(): Promise<void> {
    await this.#client.call('resume', ({ data: { meta } }) => {
      delete meta.pausedUntilMs
    })
  }
}

import { AbstractConnector, type RedisOptions } from 'ioredis'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ClusterSlot, SlotFollower } from './cluster-slot.js'
import type { ServerAddress } from './cluster-target.js'

/** How a client of ioredis gets to the server that has a slot, whenever it connects. */
export class SlotConnector extends AbstractConnector implements SlotFollower {
  readonly #slot: ClusterSlot
  readonly #options: RedisOptions
  #at: ServerAddress | undefined

  constructor(slot: ClusterSlot, options: RedisOptions) {
    super(options.disconnectTimeout ?? 0)
    this.#slot = slot
    this.#options = options
  }

  get at(): ServerAddress | undefined {
    return this.#at
  }

  async connect(): Promise<Socket> {
    this.connecting = true
    this.#slot.join(this)
    try {
      const at = await this.#slot.find()
      if (!this.connecting) throw new Error('Connection is closed.')
      return this.#connectTo(at)
    } catch (error) {
      this.#slot.leave(this)
      throw error
    }
  }

  override disconnect(): void {
    this.#left()
    super.disconnect()
  }

  #connectTo(at: ServerAddress): Socket {
    const { tls, family } = this.#options
    const place = { ...at, ...(family !== undefined && { family }) }
    const stream = tls ? connectTls({ ...place, ...tls }) : connectTcp(place)
    this.#at = at
    this.stream = stream
    stream.once('error', (error) => {
      this.firstError = error
    })
    stream.once('close', () => this.stream === stream && this.#left())
    return stream
  }

  #left(): void {
    this.#at = undefined
    this.#slot.leave(this)
  }
}

/** The class that ioredis asks for, bound to one slot. */
export function connectorTo(slot: ClusterSlot): NonNullable<RedisOptions['Connector']> {
  return class extends SlotConnector {
    static readonly slot = slot

    constructor(options: unknown) {
      super(slot, options as RedisOptions)
    }
  }
}

/** The slot that a client's connections follow; undefined for one that goes to a server by its address. */
export function slotOf({ Connector }: RedisOptions): ClusterSlot | undefined {
  return (Connector as { slot?: ClusterSlot } | undefined)?.slot
}

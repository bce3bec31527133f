import type { ProxiedConnection } from './proxied-connection.js'
import type { Direction, Fate, Item } from './proxy-stream.js'

/**
 * Looks for the moment of a fault. It gets the bytes as they came off the socket: a message longer than a read arrives
 * in several chunks, so look for something near its start.
 */
export type Match = (chunk: Buffer) => boolean

/** What a fault does at its moment; returns the fate of the chunk. */
export type Spring = (connection: ProxiedConnection, chunk: Buffer) => Fate

/** A fault that waits for its moment. */
interface Trap {
  readonly direction: Direction
  readonly match: Match
  readonly spring: Spring
  /** The only connection that it is set on; any, if left out. */
  readonly on?: ProxiedConnection
}

/** The faults of a proxy that wait for their moment. Each springs once. */
export class ProxyTraps {
  #set: Trap[] = []

  /** Resolves with the connection on which it sprang. */
  async set(
    direction: Direction,
    match: Match,
    spring: Spring,
    on?: ProxiedConnection,
  ): Promise<ProxiedConnection> {
    return new Promise((resolve) => {
      const trap: Trap = {
        direction,
        match,
        ...(on && { on }),
        spring: (connection, chunk) => {
          this.#set = this.#set.filter((other) => other !== trap)
          resolve(connection)
          return spring(connection, chunk)
        },
      }
      this.#set.push(trap)
    })
  }

  /** Springs the first trap that is set on this, if there is one. Returns the fate that it has for it. */
  spring(connection: ProxiedConnection, direction: Direction, item: Item): Fate | undefined {
    if (item === 'end') return undefined
    const sprung = this.#set.find(
      (trap) => trap.direction === direction && (trap.on ?? connection) === connection && trap.match(item),
    )
    return sprung?.spring(connection, item)
  }

  clear(): void {
    this.#set = []
  }
}

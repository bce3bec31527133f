import type { Socket } from 'node:net'
import { once } from './deadline.js'
import type { ProxyPath } from './proxy-path.js'
import { type Direction, type Fate, type Item, ProxyStream, type StreamRules } from './proxy-stream.js'

/** What a connection asks its proxy, and tells it. */
export interface ConnectionRules {
  path(direction: Direction): ProxyPath
  fate(connection: ProxiedConnection, direction: Direction, item: Item): Fate
  lost(direction: Direction, bytes: number): void
}

/** One client's connection through a proxy: two sockets and a stream each way between them. */
export class ProxiedConnection {
  /** Directions in which this connection is held, whatever the others do. */
  readonly held = new Set<Direction>()
  readonly streams: Readonly<Record<Direction, ProxyStream>>
  readonly #client: Socket
  readonly #server: Socket
  #detached = false

  constructor(client: Socket, server: Socket, rules: ConnectionRules) {
    this.#client = client
    this.#server = server
    const rulesOf = (direction: Direction): StreamRules => ({
      path: rules.path(direction),
      fate: (item) => rules.fate(this, direction, item),
      lost: (bytes) => rules.lost(direction, bytes),
    })
    this.streams = {
      toServer: new ProxyStream(client, server, rulesOf('toServer')),
      toClient: new ProxyStream(server, client, rulesOf('toClient')),
    }
    // An error is followed by a close, which goes to the other side as an end: in order, and held if it is to be.
    for (const socket of [client, server]) socket.on('error', () => {})
  }

  /** Whether the client's socket is open. */
  get connected(): boolean {
    return !this.#client.destroyed
  }

  /** Whether its client has seen a close while bytes for the server were kept back. */
  get detached(): boolean {
    return this.#detached
  }

  /** Calls back when both sides are gone. */
  onGone(gone: () => void): void {
    const look = () => {
      if (!this.#client.destroyed || !this.#server.destroyed) return
      this.streams.toServer.silence()
      this.streams.toClient.silence()
      gone()
    }
    this.#client.once('close', look)
    this.#server.once('close', look)
  }

  /** Passes on what is kept back in this direction, and what comes. */
  release(direction: Direction): void {
    this.held.delete(direction)
    this.streams[direction].release()
  }

  /** RST on both sides. */
  reset(): void {
    for (const socket of [this.#client, this.#server]) {
      // While a shutdown is under way the system refuses a reset, and Node then leaves the socket open for ever.
      if (socket.writableEnded && !socket.writableFinished) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  /** Closes the client's side and keeps what is held for the server. */
  detach(): void {
    this.#detached = true
    this.held.add('toServer')
    this.streams.toClient.silence()
    this.#client.destroy()
  }

  /** Sends the server what `detach` kept. Resolves when the server has dealt with it and closed. */
  async deliver(): Promise<void> {
    if (this.#server.destroyed) return
    const closed = once(this.#server, 'close')
    this.release('toServer')
    await closed
  }

  /**
   * Hangs up on the server in such a way that it first deals with all it has got. Resolves when it has done so and
   * closed, however long that takes.
   */
  async drain(): Promise<void> {
    this.#server.end()
    if (!this.#server.closed) await new Promise((resolve) => this.#server.once('close', resolve))
  }

  /** Closes the client's side, after what was passed on to it. */
  hangUp(): void {
    this.#client.destroySoon()
  }
}

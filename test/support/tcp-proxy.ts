import { EventEmitter } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { once } from './deadline.js'
import { ProxiedConnection } from './proxied-connection.js'
import { ProxyPath } from './proxy-path.js'
import type { Direction, Fate, Item } from './proxy-stream.js'
import { type Match, ProxyTraps } from './proxy-traps.js'

export type { Direction } from './proxy-stream.js'
export type { Match } from './proxy-traps.js'

const DIRECTIONS = ['toServer', 'toClient'] as const

const listening = new Set<TcpProxy>()

/**
 * A TCP proxy on loopback with real sockets and faults that can be switched at any time. Without a fault it passes
 * everything on unchanged, ends of connections as well. Made by `startProxy`.
 *
 * `events` emits `'connection'` when a client comes, `'held'` (direction, length) whenever bytes are kept back, `'passed'`
 * (chunk, direction) when they come through, and `'closed'` when both sides of a connection are gone.
 */
export class TcpProxy {
  readonly events = new EventEmitter()
  readonly #server: Server
  #targetPort: number
  readonly #connections = new Set<ProxiedConnection>()
  readonly #fates: Record<Direction, Fate> = { toServer: 'pass', toClient: 'pass' }
  readonly #paths: Record<Direction, ProxyPath> = { toServer: new ProxyPath(), toClient: new ProxyPath() }
  readonly #lostBytes: Record<Direction, number> = { toServer: 0, toClient: 0 }
  readonly #traps = new ProxyTraps()
  #refusing = false

  constructor(targetPort: number, targetHost: string) {
    this.#targetPort = targetPort
    // Half-open sockets: the end of one direction must not end the other, and a held end is not passed on yet.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      if (this.#refusing) {
        client.resetAndDestroy()
        return
      }
      const server = connect({
        host: targetHost,
        port: this.#targetPort,
        allowHalfOpen: true,
        noDelay: true,
      })
      const connection = new ProxiedConnection(client, server, {
        path: (direction) => this.#paths[direction],
        fate: (on, direction, item) => this.#decide(on, direction, item),
        lost: (direction, bytes) => {
          this.#lostBytes[direction] += bytes
        },
      })
      this.#connections.add(connection)
      connection.onGone(() => {
        this.#connections.delete(connection)
        this.events.emit('closed')
      })
      this.events.emit('connection')
    })
  }

  /** The loopback port that clients connect to. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Clients that are connected now. */
  get connections(): number {
    return [...this.#connections].filter(({ connected }) => connected).length
  }

  /** Bytes that are kept back now, over all connections. */
  heldBytes(direction: Direction): number {
    return [...this.#connections].reduce((sum, { streams }) => sum + streams[direction].heldBytes, 0)
  }

  /** Bytes that have been lost so far, over all connections. */
  lostBytes(direction: Direction): number {
    return this.#lostBytes[direction]
  }

  /** Keeps back, in order, what goes in this direction on all connections, also on later ones. They stay open. */
  hold(direction: Direction): void {
    this.#fates[direction] = 'hold'
  }

  /**
   * Begins to keep back with the first chunk that matches, on its connection only; others go on. Resolves when it bit.
   */
  async holdWhen(direction: Direction, match: Match): Promise<void> {
    await this.#traps.set(direction, match, (connection) => {
      connection.held.add(direction)
      return 'hold'
    })
  }

  /** Ends `hold` and `holdWhen` and passes on what they kept back, but for detached connections. */
  release(): void {
    for (const direction of DIRECTIONS) {
      if (this.#fates[direction] === 'hold') this.#fates[direction] = 'pass'
      for (const connection of this.#connections) if (!connection.detached) connection.release(direction)
    }
  }

  /** Loses what goes to clients, until `heal`. A connection that has lost bytes stays mute for ever. */
  swallowReplies(): void {
    this.#fates.toClient = 'drop'
  }

  /**
   * Loses everything both ways, ends as well, until `heal`: both sides believe that they are connected. A connection
   * that has lost bytes stays mute for ever.
   */
  halfOpen(): void {
    for (const direction of DIRECTIONS) this.#fates[direction] = 'drop'
  }

  /**
   * The command runs, its client never learns: the first request that matches goes through, the server's reply is lost,
   * and the client's side closes once the server has dealt with all it got. Resolves then.
   */
  async cutAfterReplyTo(match: Match): Promise<void> {
    const connection = await this.#traps.set('toServer', match, () => 'pass')
    await this.#traps.set(
      'toClient',
      () => true,
      () => 'drop',
      connection,
    )
    await connection.drain()
    connection.hangUp()
  }

  /**
   * Closes both sides instead of passing on the first chunk that matches; the server still deals with what it got
   * before. Resolves when it bit.
   */
  async cutWhen(direction: Direction, match: Match): Promise<void> {
    const connection = await this.#traps.set(direction, match, () => 'drop')
    connection.hangUp()
    void connection.drain()
  }

  /**
   * Passes on so many bytes of the first chunk that matches, and then closes both sides: the server has got a part of a
   * command, or the client of a reply. Resolves when it bit.
   */
  async cutWithin(direction: Direction, match: Match, bytes: number): Promise<void> {
    const connection = await this.#traps.set(direction, match, (on, chunk) => {
      on.streams[direction].pass(chunk.subarray(0, bytes))
      return 'drop'
    })
    connection.hangUp()
    void connection.drain()
  }

  /** New connections go to another port from now on; those that are there stay. */
  target(port: number): void {
    this.#targetPort = port
  }

  /** Resets all connections, on both sides; what was kept back is lost. */
  reset(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /** Every chunk that comes from now on is under way for so long, in these directions or in both. */
  delay(ms: number, ...directions: Direction[]): void {
    for (const path of this.#pathsOf(directions)) path.delayMs = ms
  }

  /**
   * Loses chunks, and what is sent again of them, with this probability, in these directions or in both. That shows as time:
   * a chunk that was lost comes 200 ms later, or 600, or 1400 …, and what is behind it on its connection waits for it.
   */
  loseSome(rate: number, random: () => number, ...directions: Direction[]): void {
    for (const path of this.#pathsOf(directions)) path.loseSome(rate, random)
  }

  /**
   * Lets no more than this through, over all connections, in these directions or in both. A sender that is too fast for that
   * has to wait. Chunks come in pieces then: a trap may not find what it looks for.
   */
  limit(bytesPerSecond: number, ...directions: Direction[]): void {
    for (const path of this.#pathsOf(directions)) path.limit(bytesPerSecond)
  }

  /** How often a chunk was lost so far, and sent again. */
  sentAgain(direction: Direction): number {
    return this.#paths[direction].sentAgain
  }

  /** How often something found a narrow line taken so far, and had to queue. */
  queued(direction: Direction): number {
    return this.#paths[direction].queued
  }

  /** How often a sender had to wait so far, for what it had sent before to get through. */
  stalls(direction: Direction): number {
    return this.#paths[direction].stalls
  }

  /** New connections are reset at once, until `accept`. */
  refuse(): void {
    this.#refusing = true
  }

  /** New connections are served again. */
  accept(): void {
    this.#refusing = false
  }

  /**
   * Closes the client's side of each connection that holds bytes for the server, and keeps the bytes for
   * `deliverHeld`: so does a closed socket whose bytes the network still has. Other connections are not held any more.
   */
  detachHeld(): void {
    if (this.#fates.toServer === 'hold') this.#fates.toServer = 'pass'
    for (const connection of this.#connections) {
      if (connection.streams.toServer.heldBytes > 0) connection.detach()
      else connection.release('toServer')
    }
  }

  /** Sends the server what detached connections hold. Resolves when it has dealt with that and closed them. */
  async deliverHeld(): Promise<void> {
    const detached = [...this.#connections].filter((connection) => connection.detached)
    await Promise.all(detached.map((connection) => connection.deliver()))
  }

  /** Ends all faults. A connection that has lost bytes stays as it is: TCP knows no holes. */
  heal(): void {
    this.#traps.clear()
    for (const path of this.#pathsOf()) path.heal()
    this.accept()
    this.release()
    for (const direction of DIRECTIONS) this.#fates[direction] = 'pass'
  }

  /** Listens on a free loopback port. */
  async listen(): Promise<void> {
    listening.add(this)
    const ready = once(this.#server, 'listening')
    this.#server.listen(0, '127.0.0.1')
    await ready
  }

  /** Resets all connections and stops listening. */
  async close(): Promise<void> {
    if (!listening.delete(this)) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.reset()
    await closed
  }

  #pathsOf(directions: readonly Direction[] = []): ProxyPath[] {
    return (directions.length > 0 ? directions : DIRECTIONS).map((direction) => this.#paths[direction])
  }

  #decide(connection: ProxiedConnection, direction: Direction, item: Item): Fate {
    const standing = connection.held.has(direction) ? 'hold' : this.#fates[direction]
    const sprung = this.#traps.spring(connection, direction, item)
    const fate = sprung === undefined || sprung === 'pass' ? standing : sprung
    if (item !== 'end') {
      if (fate === 'hold') this.events.emit('held', direction, item.length)
      if (fate === 'pass') this.events.emit('passed', item, direction)
    }
    return fate
  }
}

/** Starts a proxy to a port. Call `closeAllProxies` in `afterAll`. */
export async function startProxy(options: { targetPort: number; targetHost?: string }): Promise<TcpProxy> {
  const proxy = new TcpProxy(options.targetPort, options.targetHost ?? '127.0.0.1')
  await proxy.listen()
  return proxy
}

/** Closes every proxy that this test file has started, also after a test that threw. */
export async function closeAllProxies(): Promise<void> {
  await Promise.all([...listening].map((proxy) => proxy.close()))
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { after, now } from './clock.js'
import { FORWARDED } from './headers.js'

/** How often connections that have become idle are closed while the server waits for the last ones. */
const SWEEP_EVERY_MS = 50
/** A connection on which nothing has come for so long brings no request that was on its way when the server closed. */
const SILENT_MS = 1000
/** How long other instances are waited for. They leave as soon as they know the next leader: a heartbeat at most. */
const PEERS_TIMEOUT_MS = 2000

/** Brings a server's connections to an end: each is closed behind the reply that it carries, none in the middle of one. */
export class ServerDrain {
  readonly #server: Server
  readonly #open = new Set<ServerResponse>()
  /** Every connection: those that were upgraded, to WebSockets say, the server forgets, and yet waits for. */
  readonly #connections = new Map<Socket, { readonly sinceMs: number }>()
  /** Connections on which other instances have forwarded something. */
  readonly #peers = new Set<Socket>()
  #peersGone: (() => void) | undefined
  #draining = false

  constructor(server: Server) {
    this.#server = server
    server.prependListener('request', this.#onRequest)
    server.on('connection', this.#onConnection)
    server.on('secureConnection', this.#onConnection) // of TLS: this one knows what came through it
  }

  /** From now on replies tell clients to open their next connection elsewhere. */
  announce(): void {
    this.#draining = true
    for (const res of this.#open) sayClose(res)
  }

  /**
   * Resolves when no other instance holds a connection to this one any more. An instance that still takes this one for the
   * leader may send a request at any moment, and could not tell what became of it if its connection were closed just then;
   * answered that this one does not lead, it goes elsewhere. It closes its connections itself once it knows the next leader.
   */
  async peersGone(): Promise<void> {
    if (this.#peers.size === 0) return
    await new Promise<void>((resolve) => {
      const cancel = after(PEERS_TIMEOUT_MS, resolve)
      this.#peersGone = () => {
        cancel()
        resolve()
      }
    })
  }

  /** Takes no more connections, and resolves when the last one is closed. */
  async close(): Promise<void> {
    let cancel = () => {}
    const sweep = () => {
      // Replies that had begun before the announcement leave their connection open.
      this.#server.closeIdleConnections()
      this.#closeSilent()
      cancel = after(SWEEP_EVERY_MS, sweep)
    }
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      sweep()
    })
    cancel()
  }

  /** Closes what is still open, whatever it carries. */
  cut(): void {
    this.#server.closeAllConnections()
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  /** Forgets the server, if it is not to be drained after all. */
  release(): void {
    this.#server.off('request', this.#onRequest)
    this.#server.off('connection', this.#onConnection).off('secureConnection', this.#onConnection)
    this.#connections.clear()
  }

  #onConnection = (socket: Socket) => {
    this.#connections.set(socket, { sinceMs: now() })
    socket.once('close', () => this.#connections.delete(socket))
  }

  /** A browser or load balancer opens connections ahead; one that never had a request is not idle to Node. */
  #closeSilent() {
    for (const [socket, { sinceMs }] of this.#connections)
      if (socket.bytesRead === 0 && now() - sinceMs > SILENT_MS) socket.destroy()
  }

  #onRequest = (req: IncomingMessage, res: ServerResponse) => {
    if (req.headers[FORWARDED.toLowerCase()] !== undefined) this.#addPeer(req.socket)
    if (this.#draining) return sayClose(res)
    this.#open.add(res)
    res.once('close', () => this.#open.delete(res))
  }

  #addPeer(socket: Socket) {
    if (this.#peers.has(socket)) return
    this.#peers.add(socket)
    socket.once('close', () => {
      this.#peers.delete(socket)
      if (this.#peers.size === 0) this.#peersGone?.()
    })
  }
}

function sayClose(res: ServerResponse) {
  if (!res.headersSent) res.setHeader('Connection', 'close')
}

import type { Server, ServerResponse } from 'node:http'
import { after } from './clock.js'

/** How often connections that have become idle are closed while the server waits for the last ones. */
const SWEEP_EVERY_MS = 50

/** Brings a server's connections to an end: each is closed behind the reply that it carries, none in the middle of one. */
export class ServerDrain {
  readonly #server: Server
  readonly #open = new Set<ServerResponse>()
  #draining = false

  constructor(server: Server) {
    this.#server = server
    server.prependListener('request', this.#onRequest)
  }

  /** From now on replies tell clients to open their next connection elsewhere. */
  announce(): void {
    this.#draining = true
    for (const res of this.#open) sayClose(res)
  }

  /** Takes no more connections, and resolves when the last one is closed. */
  async close(): Promise<void> {
    let cancel = () => {}
    const sweep = () => {
      // Replies that had begun before the announcement leave their connection open.
      this.#server.closeIdleConnections()
      cancel = after(SWEEP_EVERY_MS, sweep)
    }
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      sweep()
    })
    cancel()
  }

  /** Forgets the server, if it is not to be drained after all. */
  release(): void {
    this.#server.off('request', this.#onRequest)
  }

  #onRequest = (_req: unknown, res: ServerResponse) => {
    if (this.#draining) return sayClose(res)
    this.#open.add(res)
    res.once('close', () => this.#open.delete(res))
  }
}

function sayClose(res: ServerResponse) {
  if (!res.headersSent) res.setHeader('Connection', 'close')
}

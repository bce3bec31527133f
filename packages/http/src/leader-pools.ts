import { setMaxListeners } from 'node:events'
import { buildConnector, type Dispatcher, Pool } from 'undici'
import type { AdapterNode } from './adapter-node.js'
import { after } from './clock.js'
import type { LeaderTlsSettings } from './leader-tls.js'

/** How long the head of a leader's reply may be. Its own server has sent it, so this is only to bound memory. */
const MAX_REPLY_HEAD_BYTES = 1024 * 1024

/** How to talk to the leader; times are in ms. */
export interface CallSettings {
  /** How long it may take until a connection stands. */
  readonly connectTimeoutMs: number
  /** How long from the request's last byte to the head of the answer. */
  readonly responseTimeoutMs: number
  readonly tls: LeaderTlsSettings | undefined
}

/** The way to one leader. */
export interface LeaderConnections {
  readonly dispatcher: Dispatcher
  /** Aborts once another instance leads: what has not been sent by then had better go there. */
  readonly superseded: AbortSignal
}

interface OpenPool extends LeaderConnections {
  readonly dispatcher: Pool
  readonly supersede: AbortController
}

/**
 * Keep-alive connections to the leader, by origin. When another leader takes over, the old one's are closed: at once
 * if they are idle, else when the answer is there, and after `graceMs` in any case, since a deposed leader that hangs
 * may never answer.
 */
export class LeaderPools {
  readonly #node: AdapterNode
  readonly #settings: CallSettings
  readonly #graceMs: number
  readonly #pools = new Map<string, OpenPool>()

  constructor(node: AdapterNode, settings: CallSettings, graceMs: number) {
    this.#node = node
    this.#settings = settings
    this.#graceMs = graceMs
  }

  /** The connections to `url`'s origin. */
  to(url: string): LeaderConnections {
    const { origin } = new URL(url)
    const pool = this.#pools.get(origin) ?? this.#open(origin)
    if (this.#pools.size === 0) this.#node.on('leaderChanged', this.#closeOthers)
    this.#pools.set(origin, pool)
    return pool
  }

  #open(origin: string): OpenPool {
    const supersede = new AbortController()
    setMaxListeners(0, supersede.signal) // one for each request under way, so Node would warn of a leak
    const { connectTimeoutMs, responseTimeoutMs, tls } = this.#settings
    const connect = buildConnector({ timeout: connectTimeoutMs, ...tls })
    // As many connections as there are requests: with a bound, slow handlers would keep all other writes waiting here.
    const dispatcher = new Pool(origin, {
      connections: null,
      connect: ({ host = '', hostname, protocol, port }, callback) =>
        // Not under the name that undici takes from the request's Host header: that is the client's, not the leader's.
        connect({ host, hostname, protocol, port }, callback),
      headersTimeout: responseTimeoutMs,
      bodyTimeout: 0, // a stream of events may be silent for as long as it likes, as it may be without us
      maxHeaderSize: MAX_REPLY_HEAD_BYTES,
    })
    dispatcher.on('disconnect', this.#suspect)
    dispatcher.on('connectionError', this.#suspect)
    return { dispatcher, supersede, superseded: supersede.signal }
  }

  /** When its process dies, the system closes its connections here in the same moment as those to Redis. */
  #suspect = ({ origin }: URL, _clients: unknown, { code, syscall }: NodeJS.ErrnoException) => {
    if (code !== 'UND_ERR_SOCKET' && syscall === undefined) return // cut from here
    const { leader } = this.#node
    if (leader?.url !== undefined && new URL(leader.url).origin === origin) this.#node.suspect?.(leader.id)
  }

  #closeOthers = () => {
    const { leader, role } = this.#node
    if (!leader && role !== 'stopped') return // the same one may come back
    const current = leader?.url === undefined || role === 'stopped' ? undefined : new URL(leader.url).origin
    for (const [origin, pool] of this.#pools) {
      if (origin !== current) this.#close(origin, pool)
    }
    if (this.#pools.size === 0) this.#node.off('leaderChanged', this.#closeOthers)
  }

  #close(origin: string, { dispatcher, supersede }: OpenPool) {
    this.#pools.delete(origin)
    supersede.abort()
    const cancel = after(
      this.#graceMs,
      () => void dispatcher.destroy(new Error('another instance leads by now')),
    )
    dispatcher.close().then(cancel, cancel)
  }
}

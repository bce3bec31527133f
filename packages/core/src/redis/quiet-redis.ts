import { Redis, type RedisOptions } from 'ioredis'
import { systemClock } from '../clock.js'

/**
 * A client that may be ended at any moment, and ends only then.
 *
 * ioredis listens for one error of a socket, and a socket that is ended within its TLS handshake can have two: its own about
 * the certificate, and the server's about the interruption. The second would end the process (measured with both versions:
 * one in four; redis/ioredis#962).
 *
 * Under Sentinel a failover that is told while a client asks the sentinels where to connect ends it for good, since ioredis
 * retries what closes and not what fails before (measured on a busy machine: every second failover, one client).
 */
export class QuietRedis extends Redis {
  /** Whether it is to end. */
  #over = false
  /** True from when it begins to connect until there is a connection, or the end of one. */
  #seeking = false
  #cancelTimer = () => {}

  constructor(options: Omit<RedisOptions, 'replyMapping'>) {
    super(options)
    this.on('connecting', () => (this.#seeking = true))
    for (const event of ['connect', 'close'] as const) this.on(event, () => (this.#seeking = false))
    this.on('end', () => {
      const delayMs = this.options.retryStrategy?.(1)
      if (!this.#seeking || this.#over || typeof delayMs !== 'number') return
      this.#cancelTimer = systemClock.timer(delayMs, () => {
        this.connect().catch(() => {}) // the events tell
      })
    })
  }

  override disconnect(reconnect = false): void {
    this.#over = !reconnect
    this.#cancelTimer()
    if (this.status === 'end' && !reconnect) return // a second end would leave a timer behind (ioredis 6.0.0)
    const stream = this.stream as typeof this.stream | undefined // none before the first connect
    stream?.on('error', () => {})
    super.disconnect(reconnect)
  }

  /** BullMQ makes its blocking connection so. */
  override duplicate(override?: Partial<RedisOptions>): never {
    // ioredis 6 has a type parameter for the form of replies; here it is always the usual one.
    return new QuietRedis({ ...this.options, ...override }) as never
  }
}

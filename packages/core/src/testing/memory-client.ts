import { withDeadline } from '../clock.js'
import { LeaseholdError } from '../errors.js'
import type { MemoryRedis } from './memory-redis.js'
import { type Connection, ConnectionLost, type Wire } from './wire.js'

const RETRY_MS = 20

/**
 * A connection that comes back by itself, as `commandOptions` has it: a call fails at once while there is none, and after
 * `timeoutMs`; one that stays mute for twice as long is given up.
 */
export class MemoryClient {
  readonly #wire: Wire
  readonly #timeoutMs: number
  readonly #ready = new Set<() => void>()
  readonly #over = new AbortController()
  #connection: Connection | undefined

  constructor(wire: Wire, timeoutMs: number) {
    this.#wire = wire
    this.#timeoutMs = timeoutMs
  }

  /** The present connection; undefined while there is none. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Calls `listener` whenever a connection stands. The returned function ends it. */
  onReady(listener: () => void): () => void {
    this.#ready.add(listener)
    return () => this.#ready.delete(listener)
  }

  /**
   * Connects, and keeps that up.
   *
   * @throws LeaseholdError `REDIS_UNREACHABLE` if there is none when `signal` aborts.
   */
  async open(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.onReady(resolve)
      signal.addEventListener('abort', () =>
        reject(new LeaseholdError('REDIS_UNREACHABLE', 'The Redis in memory was out of reach.')),
      )
      void this.#keep()
    })
  }

  /** See `Connection.call`. */
  async call<T>(name: string, run: (redis: MemoryRedis) => T): Promise<T> {
    const connection = this.#connection
    if (!connection) throw new ConnectionLost('Redis is out of reach')
    return callWithin(this.#wire, connection, this.#timeoutMs, name, run)
  }

  close(): void {
    this.#over.abort()
    this.#connection?.close()
  }

  async #keep(): Promise<void> {
    const { process } = this.#wire
    while (!this.#over.signal.aborted) {
      try {
        const connection = await this.#wire.connect()
        if (this.#over.signal.aborted) return connection.close()
        this.#connection = connection
        for (const listener of this.#ready) listener()
        await new Promise<void>((resolve) =>
          connection.closed.addEventListener('abort', () => resolve(), { once: true }),
        )
      } catch {
        // Tried again below.
      }
      this.#connection = undefined
      await process.sleep(RETRY_MS * (0.5 + process.random()), this.#over.signal)
    }
  }
}

/** A call that fails after `timeoutMs`; a connection that is mute for twice as long is given up. */
export function callWithin<T>(
  { process }: Wire,
  connection: Connection,
  timeoutMs: number,
  name: string,
  run: (redis: MemoryRedis) => T,
): Promise<T> {
  return withDeadline(process, connection.call(name, run), timeoutMs, () => {
    if (connection.muteMs >= 2 * timeoutMs) connection.close()
    return new ConnectionLost('Command timed out')
  })
}

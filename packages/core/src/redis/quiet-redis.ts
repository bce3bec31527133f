import { Redis, type RedisOptions } from 'ioredis'

/**
 * A client that may be ended at any moment. ioredis listens for one error of a socket, and a socket that is ended within
 * its TLS handshake can have two: its own about the certificate, and the server's about the interruption. The second would
 * end the process (measured with both versions: one in four; redis/ioredis#962).
 */
export class QuietRedis extends Redis {
  override disconnect(reconnect = false): void {
    const stream = this.stream as typeof this.stream | undefined // none before the first connect
    stream?.on('error', () => {})
    super.disconnect(reconnect)
  }

  /** BullMQ makes its blocking connection so. */
  override duplicate(override?: Partial<RedisOptions>): never {
    // ioredis 6 has a type parameter for the form of replies; here it is always the usual one.
    return new QuietRedis({ ...this.options, ...override } as Omit<RedisOptions, 'replyMapping'>) as never
  }
}

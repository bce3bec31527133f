import { Redis } from 'ioredis'

/** A later term is in the book: whoever holds this one was deposed. Nothing was written. */
export class OutdatedTerm extends Error {
  constructor(
    readonly term: number,
    readonly present: number,
  ) {
    super(`term ${term} is over: ${present} is in the book`)
  }
}

/**
 * What the jobs have done, in Redis: a line for each tick, and beside it the last tick and the highest term. Lines enter
 * only together with their tick, and only if that is the next one and no later term was seen (WATCH, MULTI, EXEC). So
 * whatever paused, died or was sent twice, each tick has one line.
 *
 * Each reign opens the book for itself. WATCH belongs to a connection: two reigns that share one would end each other's
 * watch, and a client that quietly connects anew would write without one.
 */
export class Book {
  readonly #redis: Redis
  readonly #term: number
  readonly #head: string
  readonly #lines: string

  private constructor(redis: Redis, name: string, term: number) {
    this.#redis = redis
    this.#term = term
    this.#head = `cron:{${name}}:head`
    this.#lines = `cron:{${name}}:lines`
  }

  /** @throws Error if Redis cannot be reached. */
  static async open(url: string, name: string, term: number): Promise<Book> {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, commandTimeout: 5000 })
    redis.on('error', () => {}) // whoever waits for a command hears of it
    await redis.connect()
    return new Book(redis, name, term)
  }

  close(): void {
    this.#redis.disconnect()
  }

  /**
   * Shows the book this term. From then on nothing of an older one is written, so what it answers stays true.
   *
   * @returns the last tick that has a line; undefined in an empty book.
   * @throws OutdatedTerm
   */
  async begin(): Promise<number | undefined> {
    for (;;) {
      const last = await this.#look()
      if (await this.#redis.multi().hset(this.#head, 'term', this.#term).exec()) return last
    }
  }

  /**
   * Writes a tick's line. False if it has one already.
   *
   * @throws OutdatedTerm
   */
  async write(tick: number, line: string): Promise<boolean> {
    for (;;) {
      const last = await this.#look()
      if (last !== undefined && last >= tick) return false
      const change = this.#redis.multi().hset(this.#head, { term: this.#term, tick }).rpush(this.#lines, line)
      if (await change.exec()) return true // null: the head has changed since it was looked at
    }
  }

  /** Reads the head, and has the next EXEC on this connection do nothing if it changes until then. */
  async #look(): Promise<number | undefined> {
    await this.#redis.watch(this.#head)
    const { term, tick } = await this.#redis.hgetall(this.#head)
    if (Number(term ?? 0) > this.#term) throw new OutdatedTerm(this.#term, Number(term))
    return tick === undefined ? undefined : Number(tick)
  }
}

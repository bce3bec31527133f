import { eventually } from './deadline.js'
import { type RedisServer, startRedis } from './redis-server.js'

/** What sentinels call the servers that they watch over. */
const NAME = 'log'
const COUNT = 3
/** So many must agree that a server is gone. */
const QUORUM = 2
/** Long enough for a machine that is busy with other tests: a server that only stalls is not to be replaced. */
const DOWN_AFTER_MS = 1500

/** What one sentinel says of the servers. */
interface Standing {
  /** The port of the server that is to be written to. */
  readonly present: number
  readonly copies: number
  readonly otherSentinels: number
}

/**
 * Three sentinels that watch over a server and its copies, and have a copy take its place when two of them have not heard of
 * it for a while. Made by `Sentinels.watchOver`; `stopAllRedis` ends them, too.
 */
export class Sentinels {
  #sentinels: readonly RedisServer[]

  private constructor(sentinels: readonly RedisServer[]) {
    this.#sentinels = sentinels
  }

  /** Starts them. Resolves when they know one another and so many copies. */
  static async watchOver(server: RedisServer, copies: number): Promise<Sentinels> {
    const rules = [
      `monitor ${NAME} 127.0.0.1 ${server.port} ${QUORUM}`,
      `down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `failover-timeout ${NAME} 5000`,
    ]
    const started = Array.from({ length: COUNT }, () => startRedis({ sentinel: rules }))
    const sentinels = new Sentinels(await Promise.all(started))
    const areComplete = async () =>
      (await sentinels.#standings()).every(
        (standing) =>
          standing.present === server.port &&
          standing.copies === copies &&
          standing.otherSentinels === COUNT - 1,
      )
    await eventually(areComplete, { message: 'the sentinels to know one another and all copies' })
    return sentinels
  }

  /** Where a client finds them, as ioredis has it. */
  get redis(): { sentinels: { host: string; port: number }[]; name: string } {
    return { sentinels: this.#sentinels.map(({ port }) => ({ host: '127.0.0.1', port })), name: NAME }
  }

  /** The port of the server that is to be written to, by what all of them say; undefined while they differ. */
  async present(): Promise<number | undefined> {
    const ports = new Set((await this.#standings()).map(({ present }) => present))
    return ports.size === 1 ? [...ports][0] : undefined
  }

  /** Has a copy take over, though nothing is wrong. They take a while over it. */
  async failOver(): Promise<void> {
    await this.#sentinels[0]?.command('SENTINEL', 'FAILOVER', NAME)
  }

  /** Ends one of them. */
  async stopOne(): Promise<void> {
    const [one, ...others] = this.#sentinels
    this.#sentinels = others
    await one?.stop()
  }

  /** Ends them. */
  async stop(): Promise<void> {
    await Promise.all(this.#sentinels.map((sentinel) => sentinel.stop()))
  }

  #standings(): Promise<Standing[]> {
    return Promise.all(
      this.#sentinels.map(async (sentinel) => {
        const words = (await sentinel.command('SENTINEL', 'MASTER', NAME)) as string[]
        const valueOf = (field: string) => Number(words[words.indexOf(field) + 1])
        return {
          present: valueOf('port'),
          copies: valueOf('num-slaves'),
          otherSentinels: valueOf('num-other-sentinels'),
        }
      }),
    )
  }
}

import { eventually } from '../../support/deadline.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { Sentinels } from '../../support/sentinels.js'
import type { SeveralServers, Way } from './place.js'

/**
 * A server and two copies of it, under three sentinels. The instances ask these where to go, and get there by themselves, as
 * any client does: there is no proxy between.
 */
export class SentinelSet implements SeveralServers {
  readonly redis: RedisServer
  readonly sentinels: Sentinels
  /** All of them, also those that do not run. */
  readonly servers: readonly RedisServer[]

  private constructor(servers: readonly [RedisServer, ...RedisServer[]], sentinels: Sentinels) {
    this.redis = servers[0]
    this.servers = servers
    this.sentinels = sentinels
  }

  /** A server that no copy listens to takes no writes, as `start()` advises: so it does not go on alone. */
  static async open(): Promise<SentinelSet> {
    const args = ['--min-replicas-to-write', '1', '--repl-diskless-sync-delay', '0']
    const first = await startRedis({ appendOnly: 'everysec', args })
    const ofFirst = ['--replicaof', '127.0.0.1', String(first.port)]
    const startCopy = () => startRedis({ appendOnly: 'everysec', args: [...args, ...ofFirst] })
    const copies = await Promise.all([startCopy(), startCopy()])
    for (const copy of copies) await eventually(() => isCopyOf(copy, first), { message: 'the copies' })
    return new SentinelSet([first, ...copies], await Sentinels.watchOver(first, copies.length))
  }

  async wayIn(): Promise<Way> {
    return { node: { redis: this.sentinels.redis } }
  }

  /** The server that is to be written to; undefined while the sentinels differ. */
  async present(): Promise<RedisServer | undefined> {
    const port = await this.sentinels.present()
    return this.servers.find((server) => server.port === port)
  }

  failOver(): Promise<void> {
    return this.sentinels.failOver()
  }

  async close(): Promise<void> {
    await this.sentinels.stop()
    await Promise.all(this.servers.map((server) => server.stop()))
  }
}

/** Whether a server is a copy of another one, and gets what that has. */
export async function isCopyOf(copy: RedisServer, server: RedisServer): Promise<boolean> {
  const info = String(await copy.command('INFO', 'replication'))
  return info.includes(`master_port:${server.port}\r\n`) && info.includes('master_link_status:up\r\n')
}

import type { NodeOptions } from '@leasehold/core'
import { type RedisServer, startRedis, type StartRedisOptions } from '../../support/redis-server.js'
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js'
import type { Links } from './links.js'

/** How one process gets to Redis. */
export interface Way {
  /** What it is told, as its environment and as options of its node. */
  readonly env?: Record<string, string>
  readonly node?: Partial<NodeOptions>
  /** Its own proxy to the log's Redis, where it has one. */
  readonly log?: TcpProxy
  /** Those to the servers of the lease, where these are others. */
  readonly leases?: readonly TcpProxy[]
  /** The number of its link, where there are some. */
  readonly link?: number
}

/** Where the group's Redis runs: one server, or several that take its place in turn. */
export interface Place {
  /** The server that has the log at first. */
  readonly redis: RedisServer
  /** Servers of the lease's own. */
  readonly leaseNodes?: readonly RedisServer[]
  /** A way for one more process. */
  wayIn(): Promise<Way>
  /** Ends all of its servers. */
  close(): Promise<void>
}

/** Several servers, of which one at a time has the log: when that fails, or is told to, another one takes over. */
export interface SeveralServers extends Place {
  /** The name that the group must have: where its log is may depend on it. */
  readonly group?: string
  /** The server that has the log; undefined while they differ. */
  present(): Promise<RedisServer | undefined>
  /** Has another server take over, though nothing is wrong. */
  failOver(): Promise<void>
}

/** How one server is set up, with those of the lease. */
export interface OneServerOptions {
  redis?: StartRedisOptions
  /** Servers of the lease's own; by default it lies on the log's Redis. */
  leaseNodes?: number
  /** Where the log's Redis has a network of its own: the instances get there by links in place of proxies. */
  links?: Links
}

/** One server for the log, and some for the lease; each process gets to each of them by a proxy of its own. */
export class OneServer implements Place {
  readonly redis: RedisServer
  readonly leaseNodes: readonly RedisServer[]
  readonly #links: Links | undefined
  #ways = 0

  private constructor(redis: RedisServer, leaseNodes: readonly RedisServer[], links: Links | undefined) {
    this.redis = redis
    this.leaseNodes = leaseNodes
    this.#links = links
  }

  static async open({ redis, leaseNodes = 0, links }: OneServerOptions): Promise<OneServer> {
    const log = await startRedis({ appendOnly: 'always', ...redis })
    const leases = await Promise.all(Array.from({ length: leaseNodes }, () => startRedis()))
    return new OneServer(log, leases, links)
  }

  async wayIn(): Promise<Way> {
    const link = ++this.#ways
    if (this.#links)
      return { env: { REDIS_URL: `redis://${this.#links.hostOf(link)}:${this.redis.port}` }, link }
    const to = ({ port }: RedisServer) => startProxy({ targetPort: port })
    const [log, leases] = [await to(this.redis), await Promise.all(this.leaseNodes.map(to))]
    const env = { REDIS_URL: urlOf(log), LEASE_REDIS_URLS: leases.map(urlOf).join(',') }
    return { env, log, leases }
  }

  async close(): Promise<void> {
    await Promise.all([this.redis, ...this.leaseNodes].map((server) => server.stop()))
    await this.#links?.close()
  }
}

function urlOf({ port }: TcpProxy): string {
  return `redis://127.0.0.1:${port}`
}

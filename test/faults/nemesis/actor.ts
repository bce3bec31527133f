import type { Instance } from '../../support/instances.js'
import type { TcpProxy } from '../../support/tcp-proxy.js'
import type { Way } from './place.js'

/** A process of the group, and its own way to each Redis. */
export class Actor {
  readonly instance: Instance
  readonly #way: Way

  constructor(instance: Instance, way: Way) {
    this.instance = instance
    this.#way = way
  }

  /** Its proxy to the log's Redis. */
  get log(): TcpProxy {
    const { log } = this.#way
    if (!log) throw new Error(`${this.instance.url} gets to Redis without a proxy`)
    return log
  }

  /** Its proxies to the servers of the lease; to the log's where those are the same. */
  get leases(): readonly TcpProxy[] {
    const { leases = [] } = this.#way
    return leases.length > 0 ? leases : [this.log]
  }

  /** The number of its link. */
  get link(): number {
    const { link } = this.#way
    if (link === undefined) throw new Error(`${this.instance.url} has no link`)
    return link
  }

  /** All proxies that it has. */
  get proxies(): readonly TcpProxy[] {
    const { log, leases = [] } = this.#way
    return log ? [log, ...leases] : leases
  }
}

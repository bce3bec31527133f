import { keysOf } from '../../../packages/core/src/redis/keys.js'
import { newName } from '../../support/instances.js'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.js'
import type { RedisServer } from '../../support/redis-server.js'
import type { SeveralServers, Way } from './place.js'

/** A Cluster of three, and a copy of the one that has the group's slot. The instances find it by themselves. */
export class ClusterSet implements SeveralServers {
  readonly group: string
  readonly redis: RedisServer
  readonly cluster: RedisCluster

  private constructor(group: string, redis: RedisServer, cluster: RedisCluster) {
    this.group = group
    this.redis = redis
    this.cluster = cluster
  }

  static async open(): Promise<ClusterSet> {
    const group = newName()
    const cluster = await startCluster(keysOf(group).meta, { appendOnly: 'everysec' })
    return new ClusterSet(group, await cluster.owner(), cluster)
  }

  async wayIn(): Promise<Way> {
    return { node: { redis: this.cluster.target } }
  }

  present(): Promise<RedisServer | undefined> {
    return this.cluster.present()
  }

  async failOver(): Promise<void> {
    const [copy] = await this.cluster.copies()
    await copy?.command('CLUSTER', 'FAILOVER')
  }

  /** Has a server that had nothing to do with the group take the slot, with all that is in it. */
  async move(from: RedisServer): Promise<void> {
    await this.cluster.moveSlot(from, await this.cluster.bystander())
  }

  async close(): Promise<void> {
    await Promise.all(this.cluster.servers.map((server) => server.stop()))
  }
}

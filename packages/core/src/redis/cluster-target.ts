import type { ClusterOptions } from 'ioredis'
import { serverUrl } from '../option-checks.js'
import type { RedisTarget } from '../options.js'
import { type AddressSettings, addressOf } from './address.js'

/** Where one server of a Cluster listens. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** A Cluster as a user names it: some of its servers, and how to get into any. */
export interface ClusterSettings {
  readonly nodes: readonly ServerAddress[]
  readonly access: AddressSettings
  /** For servers that are reached at other addresses than they tell; see ioredis' option. */
  readonly natMap: ClusterOptions['natMap']
}

/** Of a target that is a Cluster: a Cluster client of ioredis, or settings that name servers in `cluster`. */
export function clusterSettingsOf(target: RedisTarget): ClusterSettings | undefined {
  if (typeof target !== 'object') return undefined
  if ('isCluster' in target && target.isCluster) {
    // What the client was made with: it has no other name for it.
    const { startupNodes, options } = target as unknown as {
      startupNodes: readonly unknown[]
      options: ClusterOptions
    }
    return settingsOf(startupNodes, options.redisOptions ?? {}, options.natMap)
  }
  const { cluster, natMap, ...access } = target as { cluster?: unknown } & ClusterOptions
  // Any client of ioredis has a method of this name.
  return Array.isArray(cluster) ? settingsOf(cluster, access, natMap) : undefined
}

function settingsOf(
  servers: readonly unknown[],
  shared: object,
  natMap: ClusterOptions['natMap'],
): ClusterSettings {
  const named = servers.map(serverOf)
  // What says where one of them is says nothing of the others; how to get in is the same for all.
  const { host: _host, port: _port, path: _path, db: _db, ...access } = { ...named[0], ...addressOf(shared) }
  return {
    nodes: named.map(({ host = '127.0.0.1', port = 6379 }) => ({ host, port })),
    access,
    natMap,
  }
}

/** As ioredis lets one name a server of a Cluster: by settings, a port, a URL, or `host:port`. */
function serverOf(server: unknown): AddressSettings {
  if (typeof server === 'number') return { port: server }
  if (typeof server !== 'string') return addressOf(server as object)
  return addressOf(serverUrl(server))
}

import type { Redis } from 'ioredis'
import { LeaseholdError } from '../errors.js'
import type { Warning } from '../events.js'
import { fieldOf, readConfig, readInfo } from './server-facts.js'
import { slotOf } from './slot-connector.js'

const EVICTION_SETTINGS = ['maxmemory', 'maxmemory-policy']
const LOG_SETTINGS = [...EVICTION_SETTINGS, 'appendonly', 'save', 'min-replicas-to-write']

type Config = ReadonlyMap<string, string>

/**
 * Looks whether the server can keep our promises.
 *
 * @returns what is dubious, and whether it can tell what it has forced to disk.
 * @throws LeaseholdError `REDIS_UNSUPPORTED` if it is too old or may evict the log.
 */
export async function checkServer(client: Redis): Promise<{ warnings: Warning[]; canSync: boolean }> {
  const warnings: Warning[] = []
  const info = await readInfo(client, 'server')
  // Where INFO is forbidden it cannot be told.
  const canSync = info !== undefined && hasWaitAof(info)
  if (info !== undefined) refuse(versionTrouble(info) ?? modeTrouble(info, client))
  else
    warnings.push({
      code: 'INFO_FORBIDDEN',
      message:
        'INFO is forbidden on this Redis, so a leader cannot tell whether the server was demoted and promoted again under an open connection. Allow it to the user of this connection.',
    })

  const config = await readConfig(client, LOG_SETTINGS)
  if (!config) {
    warnings.push({
      code: 'CONFIG_FORBIDDEN',
      message:
        'CONFIG is forbidden on this Redis, so eviction and persistence could not be checked. It needs maxmemory-policy noeviction.',
    })
    return { warnings, canSync }
  }
  refuse(evictionTrouble(config, 'This Redis', 'the lease or the log'))
  const troubles = [
    ['PERSISTENCE_OFF', persistenceTrouble(config)],
    ['MIN_REPLICAS_OFF', minReplicasTrouble(config, client)],
  ] as const
  for (const [code, message] of troubles) if (message !== undefined) warnings.push({ code, message })
  return { warnings, canSync }
}

/**
 * Looks whether a lease node may evict the lease under memory pressure.
 *
 * @param place where it is, for the message.
 * @throws LeaseholdError `REDIS_UNSUPPORTED` if so. Where CONFIG is forbidden it cannot be told.
 */
export async function checkLeaseNode(client: Redis, place: string): Promise<void> {
  const config = await readConfig(client, EVICTION_SETTINGS)
  if (config) refuse(evictionTrouble(config, `The lease node at ${place}`, 'the lease'))
}

/** What tells one server from all others until it restarts. Undefined where INFO is forbidden. */
export async function runIdOf(client: Redis): Promise<string | undefined> {
  return fieldOf((await readInfo(client, 'server')) ?? '', 'run_id')
}

/** Undefined where nothing is evicted. */
export function evictionTrouble(config: Config, who: string, what: string): string | undefined {
  const policy = config.get('maxmemory-policy')
  if (Number(config.get('maxmemory') ?? 0) === 0 || policy === 'noeviction') return undefined
  return `${who} has maxmemory-policy ${policy} and may evict ${what} under memory pressure. Set it to noeviction.`
}

/** Undefined where there is an append-only file. */
export function persistenceTrouble(config: Config): string | undefined {
  if (config.get('appendonly') === 'yes') return undefined
  const snapshots = config.get('save') ? 'everything since its last RDB snapshot' : 'the whole log'
  return `This Redis has no append-only file: a restart loses ${snapshots}. Set appendonly yes.`
}

/** Undefined where the server does not fail over to another, or takes no writes alone. */
export function minReplicasTrouble(config: Config, { options }: Redis): string | undefined {
  const failsOver = slotOf(options) ? 'in a Cluster' : options.sentinels ? 'under Sentinel' : ''
  if (!failsOver || Number(config.get('min-replicas-to-write') ?? 0) > 0) return undefined
  return `This Redis is ${failsOver} and has min-replicas-to-write 0: after a failover the old primary may go on accepting writes, which are lost when it rejoins. Set it to 1.`
}

/** Undefined from Redis 7.0 or Valkey 7.2 on. */
export function versionTrouble(info: string): string | undefined {
  const valkey = fieldOf(info, 'valkey_version')
  const ok = valkey === undefined ? atLeast(redisVersion(info), 7, 0) : atLeast(valkey, 7, 2)
  return ok ? undefined : `This is ${serverVersion(info)}; Redis 7.0 or Valkey 7.2 is needed.`
}

/** Name and version, for messages. */
export function serverVersion(info: string): string {
  const valkey = fieldOf(info, 'valkey_version')
  return valkey === undefined ? `Redis ${redisVersion(info)}` : `Valkey ${valkey}`
}

/** A server of a Cluster refers one to another as soon as the slot has moved: a connection by address ends there. */
export function modeTrouble(info: string, client: Redis): string | undefined {
  if (fieldOf(info, 'redis_mode') !== 'cluster' || slotOf(client.options)) return undefined
  return 'This Redis is a server of a Cluster. Name it as one, { cluster: [{ host, port }, …] }, or give a Cluster client of ioredis: so connections follow when the slot of the group moves.'
}

function refuse(trouble: string | undefined): void {
  if (trouble !== undefined) throw new LeaseholdError('REDIS_UNSUPPORTED', trouble)
}

/** Redis 7.2 on has WAITAOF, and so has every Valkey. */
function hasWaitAof(info: string): boolean {
  return info.includes('valkey_version:') || atLeast(redisVersion(info), 7, 2)
}

function redisVersion(info: string): string {
  return fieldOf(info, 'redis_version') ?? 'unknown'
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

import type { Redis } from 'ioredis'
import { LeaseholdError } from '../errors.js'
import type { Warning } from '../events.js'
import { slotOf } from './slot-connector.js'

const EVICTION_SETTINGS = ['maxmemory', 'maxmemory-policy']
const LOG_SETTINGS = [...EVICTION_SETTINGS, 'appendonly', 'save', 'min-replicas-to-write']

/**
 * Looks whether the server can keep our promises.
 *
 * @returns what is dubious, and whether it can tell what it has forced to disk.
 * @throws LeaseholdError `REDIS_UNSUPPORTED` if it is too old or may evict the log.
 */
export async function checkServer(client: Redis): Promise<{ warnings: Warning[]; canSync: boolean }> {
  const warnings: Warning[] = []
  const info = await optional(client.info('server'))
  // Where INFO is forbidden it cannot be told.
  const canSync = info !== undefined && hasWaitAof(info)
  if (info !== undefined) {
    checkVersion(info)
    checkMode(info, client)
  } else
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
  refuseEviction(config, 'This Redis', 'the lease or the log')
  if (config.get('appendonly') !== 'yes') {
    const snapshots = config.get('save') ? 'everything since its last RDB snapshot' : 'the whole log'
    warnings.push({
      code: 'PERSISTENCE_OFF',
      message: `This Redis has no append-only file: a restart loses ${snapshots}. Set appendonly yes.`,
    })
  }
  const failsOver = slotOf(client.options) ? 'in a Cluster' : client.options.sentinels ? 'under Sentinel' : ''
  if (failsOver && Number(config.get('min-replicas-to-write') ?? 0) === 0) {
    warnings.push({
      code: 'MIN_REPLICAS_OFF',
      message: `This Redis is ${failsOver} and has min-replicas-to-write 0: after a failover the old primary may go on accepting writes, which are lost when it rejoins. Set it to 1.`,
    })
  }
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
  if (config) refuseEviction(config, `The lease node at ${place}`, 'the lease')
}

/** What tells one server from all others until it restarts. Undefined where INFO is forbidden. */
export async function runIdOf(client: Redis): Promise<string | undefined> {
  return /^run_id:(\w+)/m.exec((await optional(client.info('server'))) ?? '')?.[1]
}

function refuseEviction(config: ReadonlyMap<string, string>, who: string, what: string): void {
  const policy = config.get('maxmemory-policy')
  if (Number(config.get('maxmemory') ?? 0) === 0 || policy === 'noeviction') return
  throw new LeaseholdError(
    'REDIS_UNSUPPORTED',
    `${who} has maxmemory-policy ${policy} and may evict ${what} under memory pressure. Set it to noeviction.`,
  )
}

/** Redis 7.0 or Valkey 7.2 on. */
function checkVersion(info: string): void {
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1]
  const redis = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown'
  const ok = valkey === undefined ? atLeast(redis, 7, 0) : atLeast(valkey, 7, 2)
  if (ok) return
  const found = valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`
  throw new LeaseholdError('REDIS_UNSUPPORTED', `This is ${found}; Redis 7.0 or Valkey 7.2 is needed.`)
}

/** A server of a Cluster refers one to another as soon as the slot has moved: a connection by address ends there. */
function checkMode(info: string, client: Redis): void {
  if (!/^redis_mode:cluster/m.test(info) || slotOf(client.options)) return
  throw new LeaseholdError(
    'REDIS_UNSUPPORTED',
    'This Redis is a server of a Cluster. Name it as one, { cluster: [{ host, port }, …] }, or give a Cluster client of ioredis: so connections follow when the slot of the group moves.',
  )
}

/** Redis 7.2 on has WAITAOF, and so has every Valkey. */
function hasWaitAof(info: string): boolean {
  const redis = /^redis_version:(\S+)/m.exec(info)?.[1] ?? '0'
  return info.includes('valkey_version:') || atLeast(redis, 7, 2)
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

/** Undefined if one of them is forbidden. */
async function readConfig(client: Redis, names: readonly string[]): Promise<Map<string, string> | undefined> {
  const values = new Map<string, string>()
  for (const name of names) {
    const pair = await optional(client.config('GET', name))
    if (!pair) return undefined
    values.set(name, pair[1] ?? '')
  }
  return values
}

/** What a command answers; undefined where the server forbids it. */
async function optional<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined
    throw error
  }
}

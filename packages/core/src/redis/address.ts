import type { RedisOptions } from 'ioredis'
import type { RedisTarget } from '../options.js'

/** What of a user's settings says where Redis is and how to get in. Everything else is for the duty to choose. */
const ADDRESS_SETTINGS = [
  'host',
  'port',
  'path',
  'family',
  'db',
  'username',
  'password',
  'tls',
  'keepAlive',
  'noDelay',
  'sentinels',
  'name',
  'role',
  'sentinelUsername',
  'sentinelPassword',
  'sentinelTLS',
  'enableTLSForSentinelMode',
  'sentinelRetryStrategy',
  'sentinelCommandTimeout',
  'sentinelMaxConnections',
  'updateSentinels',
  'natMap',
  'preferredSlaves',
  'Connector',
] as const satisfies readonly (keyof RedisOptions)[]

/** Where a server is and how to get in, as options of a connection. */
export type AddressSettings = Pick<RedisOptions, (typeof ADDRESS_SETTINGS)[number]>

/**
 * Where a target is. A URL is read here, since ioredis lets settings in its query win over the options that it is given,
 * `enableOfflineQueue` included.
 */
export function addressOf(target: RedisTarget): AddressSettings {
  if (typeof target !== 'string') {
    const settings: Record<string, unknown> = {
      ...('duplicate' in target && 'options' in target ? (target.options as object) : target),
    }
    return Object.fromEntries(
      ADDRESS_SETTINGS.filter((key) => settings[key] !== undefined).map((key) => [key, settings[key]]),
    )
  }
  if (target.startsWith('/')) return { path: target }
  const url = new URL(target)
  if (url.protocol === 'unix:') return { path: url.pathname }
  const db = Number(url.pathname.slice(1) || url.searchParams.get('db') || 0)
  const family = url.searchParams.get('family')
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(url.port || 6379),
    db,
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
    ...(family !== null && { family: Number(family) }),
  }
}

import type { WriteConcern } from '@leasehold/core'

/** The service's settings, from the environment. */
export interface Settings {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly redis: string
  /** Undefined: the lease lies on `redis`. */
  readonly leaseRedis: readonly string[] | undefined
  readonly group: string
  readonly ttlMs: number | undefined
  readonly writeConcern: WriteConcern
  /** Whether to say on standard error what happens. */
  readonly log: boolean
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  return {
    host: env['HOST'] ?? '127.0.0.1',
    port: Number(env['PORT'] ?? 3000),
    redis: env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
    leaseRedis: env['LEASE_REDIS_URLS']?.split(',').map((url) => url.trim()),
    group: env['GROUP'] ?? 'kv',
    ttlMs: env['LEASE_TTL_MS'] === undefined ? undefined : Number(env['LEASE_TTL_MS']),
    writeConcern: writeConcernOf(env['WRITE_CONCERN'] ?? 'log'),
    log: env['LOG'] === '1',
  }
}

/** `log`, `majority`, or a number of replicas. */
function writeConcernOf(text: string): WriteConcern {
  if (text === 'log' || text === 'majority') return text
  const replicas = Number(text)
  if (Number.isInteger(replicas) && replicas >= 1) return { replicas }
  throw new Error(`WRITE_CONCERN is ${text}: must be log, majority or a number of replicas`)
}

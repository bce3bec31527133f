import type { WriteConcern } from '@leasehold/core'

/** The service's settings, from the environment. */
export interface Settings {
  /** Undefined: the host's and the process id. */
  readonly name: string | undefined
  /** Where the other instances reach this one. */
  readonly host: string
  /** Where it listens; undefined: everywhere. */
  readonly bind: string | undefined
  /** 0: any free port. */
  readonly port: number
  readonly redis: string
  /** Undefined: the lease lies on `redis`. */
  readonly leaseRedis: readonly string[] | undefined
  readonly group: string
  readonly ttlMs: number | undefined
  readonly writeConcern: WriteConcern
  /** What operators show in `X-Admin-Token` to steer the group; undefined: nobody may. */
  readonly adminToken: string | undefined
  /** Whether to say on standard error what happens. */
  readonly log: boolean
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = (name: string) => env[name] || undefined // what is set to nothing, as compose files do, is not set
  const ttlMs = given('LEASE_TTL_MS')
  const host = given('HOST') ?? '127.0.0.1'
  const bind = given('BIND') ?? host
  return {
    name: given('NAME'),
    host,
    bind: bind === '*' ? undefined : bind,
    port: Number(given('PORT') ?? 3000),
    redis: given('REDIS_URL') ?? 'redis://127.0.0.1:6379',
    leaseRedis: given('LEASE_REDIS_URLS')
      ?.split(',')
      .map((url) => url.trim()),
    group: given('GROUP') ?? 'kv',
    ttlMs: ttlMs === undefined ? undefined : Number(ttlMs),
    writeConcern: writeConcernOf(given('WRITE_CONCERN') ?? 'log'),
    adminToken: given('ADMIN_TOKEN'),
    log: given('LOG') === '1',
  }
}

/** A host as it stands in a URL. */
export function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** `log`, `majority`, or a number of replicas. */
function writeConcernOf(text: string): WriteConcern {
  if (text === 'log' || text === 'majority') return text
  const replicas = Number(text)
  if (Number.isInteger(replicas) && replicas >= 1) return { replicas }
  throw new Error(`WRITE_CONCERN is ${text}: must be log, majority or a number of replicas`)
}

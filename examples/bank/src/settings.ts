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
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = (name: string) => env[name] || undefined // what is set to nothing, as compose files do, is not set
  const ttlMs = given('LEASE_TTL_MS')
  return {
    host: given('HOST') ?? '127.0.0.1',
    port: Number(given('PORT') ?? 3000),
    redis: given('REDIS_URL') ?? 'redis://127.0.0.1:6379',
    leaseRedis: given('LEASE_REDIS_URLS')
      ?.split(',')
      .map((url) => url.trim()),
    group: given('GROUP') ?? 'example-bank',
    ttlMs: ttlMs === undefined ? undefined : Number(ttlMs),
  }
}

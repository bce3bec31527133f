/** What an instance is told, from the environment. */
export interface Settings {
  readonly redis: string
  readonly group: string
  readonly ttlMs: number | undefined
  /** How long a tick lasts. Change it only with a new group: it says which tick it is. */
  readonly everyMs: number
  /** How long the job takes. */
  readonly jobMs: number
}

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = (name: string) => env[name] || undefined // what is set to nothing, as compose files do, is not set
  const ttlMs = given('LEASE_TTL_MS')
  return {
    redis: given('REDIS_URL') ?? 'redis://127.0.0.1:6379',
    group: given('GROUP') ?? 'example-cron',
    ttlMs: ttlMs === undefined ? undefined : Number(ttlMs),
    everyMs: Number(given('EVERY_MS') ?? 5000),
    jobMs: Number(given('JOB_MS') ?? 1000),
  }
}

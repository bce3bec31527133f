import { OptionsError } from './errors.js'
import { LEVELS, type Logger } from './observe/logger.js'
import type { Tracer } from './observe/tracing.js'
import type { DataLossPolicy, NodeOptions, WriteConcern } from './options.js'

/** Collects problems, so that a user sees all of them in one error. */
export class OptionChecks {
  readonly #problems: string[] = []

  fail(option: string, value: unknown, bound: string, unit = ''): void {
    this.#problems.push(`${option} is ${show(value)}${unit ? ` ${unit}` : ''}: ${bound}`)
  }

  label(option: string, value: unknown): void {
    if (typeof value !== 'string' || !/^[^:{}\s]{1,128}$/.test(value)) {
      this.fail(
        option,
        value,
        'must be 1 to 128 characters without colons, braces or white space, since it is part of Redis keys',
      )
    }
  }

  integer(option: string, value: unknown, min: number, max: number, unit = ''): number {
    if (!Number.isInteger(value) || Number(value) < min || Number(value) > max) {
      this.fail(option, value, `must be a whole number from ${min} to ${max}${unit ? ` ${unit}` : ''}`, unit)
    }
    return Number(value)
  }

  /** How long a call may wait: any number of ms, also what is left of a longer time. */
  durationMs(option: string, value: unknown): void {
    if (!Number.isFinite(value) || Number(value) <= 0)
      this.fail(option, value, 'must be a number of ms above 0')
  }

  boolean(option: string, value: unknown): boolean {
    if (typeof value !== 'boolean') this.fail(option, value, 'must be true or false')
    return Boolean(value)
  }

  url(option: string, value: unknown): string | undefined {
    if (value === undefined) return undefined
    if (typeof value === 'string' && isHttpUrl(value)) return value.replace(/\/+$/, '')
    if (typeof value === 'string' && hasCredentials(value)) {
      this.#problems.push(`${option} must be without user name and password: every member sees it`)
    } else {
      this.fail(option, value, 'must be an http or https URL')
    }
    return undefined
  }

  redis(option: string, value: unknown): void {
    if (typeof value === 'string' ? !isRedisUrl(value) : !isSettings(value)) {
      // The value may hold a password, so it is not shown.
      this.#problems.push(
        `${option} must be a redis:// or rediss:// URL, an options object of ioredis or an ioredis client`,
      )
      return
    }
    if (typeof value === 'string' && !isReadable(value))
      this.#problems.push(
        `${option} has a user name or password with a "%" that is not part of an escape sequence: write it as "%25"`,
      )
    if (!isWhole(databaseOf(value)))
      this.#problems.push(
        `${option} must name its database by a whole number of at least 0, as in redis://host:6379/1 or { db: 1 }`,
      )
    if (settingOf(value, 'keyPrefix')) {
      this.#problems.push(
        `${option} has a keyPrefix, which BullMQ cannot use: the group's name keeps keys apart`,
      )
    }
    const cluster = settingOf(value, 'cluster')
    if (cluster !== undefined && !isListOfServers(cluster))
      this.#problems.push(
        `${option}.cluster must name servers of the Cluster, as { host, port }, 'host:port', a URL or a port`,
      )
    if (Number(settingOf(value, 'db') ?? 0) !== 0 && (cluster ?? settingOf(value, 'isCluster')))
      this.fail(`${option}.db`, settingOf(value, 'db'), 'must be 0: a Cluster has no other database')
  }

  leaseNodes(targets: readonly unknown[]): void {
    if (![1, 3, 5].includes(targets.length)) {
      this.fail(
        'lease.redis',
        targets.length,
        'must name 1, 3 or 5 servers: an even number can tie, and a tie elects nobody',
      )
    }
    if (new Set(targets).size < targets.length) {
      this.#problems.push('lease.redis names a server twice: its two votes would not be those of a majority')
    }
  }

  dataLossPolicy(value: unknown): DataLossPolicy {
    if (value !== 'recover' && value !== 'halt')
      this.fail('onRedisDataLoss', value, "must be 'recover' or 'halt'")
    return value as DataLossPolicy
  }

  writeConcern(value: unknown): WriteConcern {
    if (isWriteConcern(value)) return value
    this.fail(
      'writeConcern',
      value,
      "must be 'log', 'majority', 'fsync', { replicas: n } or { redisReplicas: n }",
    )
    return 'log'
  }

  tracer(value: unknown): Tracer | undefined {
    const { start, isActive, runSilently } = (value ?? {}) as Record<string, unknown>
    if (value === undefined || [start, isActive, runSilently].every((method) => typeof method === 'function'))
      return value as Tracer | undefined
    this.#problems.push(
      'tracer must have the methods start, isActive and runSilently, as createOtelTracer() of @leasehold/core/otel makes one',
    )
    return undefined
  }

  logger(value: unknown): Logger | undefined {
    const levels = (value ?? {}) as Record<string, unknown>
    if (value === undefined || LEVELS.every((level) => typeof levels[level] === 'function'))
      return value as Logger | undefined
    this.#problems.push('logger must have the methods debug, info, warn and error, as one of pino has')
    return undefined
  }

  /** 0 for off; which it also is, unless it is asked for, where the lease itself runs out before. */
  hangAfterMs(
    { hangAfterMs: value, lease }: Pick<NodeOptions, 'hangAfterMs' | 'lease'>,
    defaults: { readonly hangAfterMs: number; readonly leaseTtlMs: number },
  ): number {
    const ttlMs = lease?.ttlMs ?? defaults.leaseTtlMs
    if (value === undefined) return defaults.hangAfterMs < ttlMs ? defaults.hangAfterMs : 0
    if (value === false || value === 0) return 0
    if (!Number.isInteger(value) || value < 200 || value > 600_000)
      this.fail('hangAfterMs', value, 'must be false, 0, or a whole number from 200 to 600000 ms', 'ms')
    else if (value >= ttlMs)
      this.fail(
        'hangAfterMs',
        value,
        `must be below lease.ttlMs (${ttlMs} ms), or that runs out before`,
        'ms',
      )
    return value
  }

  throwIfAny(): void {
    if (this.#problems.length > 0) throw new OptionsError(this.#problems)
  }
}

/** An http or https URL without credentials. */
function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && !hasCredentials(value)
}

function hasCredentials(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { username, password } = new URL(value)
  return username !== '' || password !== ''
}

/** A URL of Redis, or the path of its socket. */
function isRedisUrl(value: string): boolean {
  return value.startsWith('/') || (/^(rediss?|unix):\/\//.test(value) && URL.canParse(value))
}

/** Whether user name and password can be told: a bare "%" is no URL escape, though a URL may have it. */
function isReadable(url: string): boolean {
  if (url.startsWith('/')) return true
  const { username, password } = new URL(url)
  try {
    decodeURIComponent(username)
    decodeURIComponent(password)
    return true
  } catch {
    return false
  }
}

/** The database that a target names. */
function databaseOf(target: unknown): unknown {
  if (typeof target !== 'string') return settingOf(target, 'db') ?? 0
  if (target.startsWith('/') || target.startsWith('unix:')) return 0
  const { pathname, searchParams } = new URL(target)
  return pathname.slice(1) || searchParams.get('db') || 0
}

/** As a number or as its digits. */
function isWhole(value: unknown): boolean {
  return /^\d+$/.test(String(value))
}

function isSettings(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOfServers(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isServer)
}

/** A server of a Cluster by its URL, or by `host:port`. */
export function serverUrl(text: string): string {
  return /^rediss?:\/\//.test(text) ? text : `redis://${text}`
}

function isServer(value: unknown): boolean {
  if (typeof value === 'string') return URL.canParse(serverUrl(value)) && isReadable(serverUrl(value))
  if (typeof value === 'object' && value !== null) return 'host' in value || 'port' in value
  return Number.isInteger(value)
}

/** A setting of an ioredis options object, or of a client made with one. */
function settingOf(target: unknown, name: string): unknown {
  if (typeof target === 'string')
    return target.startsWith('/') ? undefined : (new URL(target).searchParams.get(name) ?? undefined)
  if (typeof target !== 'object' || target === null) return undefined
  const { options, ...own } = target as Record<string, unknown>
  return (
    own[name] ??
    (typeof options === 'object' ? (options as Record<string, unknown> | null)?.[name] : undefined)
  )
}

function show(value: unknown): string {
  // A number as such: JSON would show NaN as null.
  return typeof value === 'number' ? `${value}` : (JSON.stringify(value) ?? typeof value)
}

/** True for one of the write concerns of the API, whether this version can honour it or not. */
function isWriteConcern(value: unknown): value is WriteConcern {
  if (value === 'log' || value === 'majority' || value === 'fsync') return true
  if (typeof value !== 'object' || value === null) return false
  const [[key, count] = [], ...rest] = Object.entries(value)
  return (
    rest.length === 0 &&
    (key === 'replicas' || key === 'redisReplicas') &&
    Number.isInteger(count) &&
    Number(count) >= 1
  )
}

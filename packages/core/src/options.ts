import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { OptionChecks } from './option-checks.js'
import { debugLogger } from './observe/debug-logger.js'
import { contextLogger, type Logger } from './observe/logger.js'
import { NodeTracer } from './observe/node-tracer.js'
import { passwordsIn } from './observe/redaction.js'
import type { Tracer } from './observe/tracing.js'

/**
 * Where a Redis is: a URL, an options object of ioredis (with `sentinels`, a Sentinel set), or an ioredis client to take
 * the settings from. A Redis Cluster is a Cluster client, or an options object that names some of its servers, for instance
 * `{ cluster: ['10.0.0.1:6379', '10.0.0.2:6379'], password }`; `natMap` is as for ioredis. A client is never used itself:
 * each connection here has a duty of its own and options of its own. Of `keepAlive` only what is shorter than 10 s is taken.
 */
export type RedisTarget = string | object

/**
 * When a write counts as committed: once the log's Redis has appended it (`'log'`), and besides once so many other
 * instances, or as many as make a majority of the living, have applied it, so many replicas of the log's Redis have it, or
 * Redis has forced it to its disk (`'fsync'`, from Redis 7.2 on).
 */
export type WriteConcern = 'log' | 'majority' | 'fsync' | { replicas: number } | { redisReplicas: number }

/** See the option `onRedisDataLoss`. */
export type DataLossPolicy = 'recover' | 'halt'

/** Options of `createNode`. Durations are in milliseconds, sizes in bytes. */
export interface NodeOptions {
  /** Name of the group: the instances that share one leader and one log. No colons, braces or white space. */
  group: string
  /**
   * The Redis that holds the log, the members and the jobs: a URL, ioredis options (also with `sentinels`), servers of a
   * Cluster as `{ cluster: [...] }`, or an ioredis client to take the settings from.
   */
  redis: RedisTarget
  /** The lease that instances compete for. */
  lease?: {
    /** 1, 3 or 5 independent Redis servers for Redlock; one named twice is refused. Default: `redis`. */
    redis?: RedisTarget | readonly RedisTarget[]
    /** How long a lease lasts without renewal; a crashed leader is replaced after at most this. Default 5000, at least 500. */
    ttlMs?: number
  }
  /**
   * How long the event loop of a leader may stand still before another thread gives its lease back. Default 1500, or off
   * where `lease.ttlMs` is not above that; false or 0: off.
   */
  hangAfterMs?: number | false
  /** Where other instances reach this one, for instance `http://10.0.0.5:3000`. May be set later: `node.setUrl()`. */
  url?: string
  /** Where clients reach this instance; only used to redirect them. */
  publicUrl?: string
  /** Stable name, unique among the living instances. Default: host name and process id. */
  name?: string
  /** Higher is preferred as leader. Default 0. */
  priority?: number
  /** Whether this instance may lead at all; `node.setEligible()` changes it. Default true. */
  eligible?: boolean
  /** How often an instance publishes itself and compares with the log's head. Default 1000. */
  heartbeatMs?: number
  /** How long `start()` tries before it gives up and leaves nothing running. Default 30000. */
  startTimeoutMs?: number
  /** How long `stop()` waits for writes in flight and for the user's own work. Default 5000. */
  stopTimeoutMs?: number
  /**
   * How long a new leader waits at most, where Redis has lost data, for the others to say what they have: milliseconds
   * when all that are connected answer. Default 2000, two heartbeats.
   */
  settleMs?: number
  /**
   * What happens when the log's Redis has lost entries that living instances hold: the one that has the most puts them back
   * and leads (`'recover'`), or writes stop until somebody has looked (`'halt'`). Default `'recover'`.
   */
  onRedisDataLoss?: DataLossPolicy
  /**
   * Whether the leader compares what all replicas compute, so that one which computed something else is found, stops serving
   * and starts over. Default true.
   */
  audit?: boolean
  /** How long a write may take before its outcome is reported as unknown. Default 10000. */
  writeTimeoutMs?: number
  /** How long a Redis command may take before its connection is given up. Default 2000. */
  commandTimeoutMs?: number
  /** Writes that may wait for the log before `BUSY`. Default 10000. */
  maxQueuedWrites?: number
  /** Bytes of writes that may wait for the log before `BUSY`. Default 64 MiB. */
  maxQueuedBytes?: number
  /** Largest entry. Default 256 KiB. */
  maxEntryBytes?: number
  /** Entries after which a snapshot is taken. Default 8192. */
  snapshotEntries?: number
  /** Bytes of entries after which a snapshot is taken. Default 32 MiB. */
  snapshotBytes?: number
  /** Entries that stay in the log behind the head. Default 10240. */
  trailingEntries?: number
  /** The same in bytes: whichever is less. Default 64 MiB. */
  trailingBytes?: number
  /** Results of operations that may be repeated, as many as are kept. Default 50000. */
  resultsKept?: number
  /** The same in bytes: whichever is less. Default 16 MiB. */
  resultsKeptBytes?: number
  /** For how long a result is kept, by log time. Default 3600000, an hour. */
  resultsKeptMs?: number
  /**
   * When a write that does not say otherwise counts as committed: `'log'`, `'majority'`, `{ replicas: n }`,
   * `{ redisReplicas: n }` or `'fsync'`. Default `'log'`.
   */
  writeConcern?: WriteConcern
  /** Where to log: `{ debug, info, warn, error }`, shaped like pino. Default: standard error, as far as `DEBUG=leasehold:*` asks for it. */
  logger?: Logger
  /** Makes the spans of this instance: `createOtelTracer()` of `@leasehold/core/otel`. Default: none. */
  tracer?: Tracer
}

/** The defaults of every option that has one. */
export const DEFAULTS = {
  leaseTtlMs: 5000,
  hangAfterMs: 1500,
  priority: 0,
  eligible: true,
  heartbeatMs: 1000,
  startTimeoutMs: 30_000,
  stopTimeoutMs: 5000,
  settleMs: 2000,
  onRedisDataLoss: 'recover',
  audit: true,
  writeTimeoutMs: 10_000,
  commandTimeoutMs: 2000,
  maxQueuedWrites: 10_000,
  maxQueuedBytes: 64 * 1024 * 1024,
  maxEntryBytes: 256 * 1024,
  snapshotEntries: 8192,
  snapshotBytes: 32 * 1024 * 1024,
  trailingEntries: 10_240,
  trailingBytes: 64 * 1024 * 1024,
  resultsKept: 50_000,
  resultsKeptBytes: 16 * 1024 * 1024,
  resultsKeptMs: 3_600_000,
  writeConcern: 'log',
} as const

/** Options with every default filled in and every relation checked. */
export interface ResolvedOptions {
  readonly group: string
  readonly name: string
  /** `name` plus a nonce: never the same for two processes, nor for two starts of one. */
  readonly id: string
  readonly redis: RedisTarget
  readonly leaseRedis: readonly RedisTarget[]
  /** True if the lease lies on the log's own Redis, so that the claim script can check it too. */
  readonly leaseOnLog: boolean
  readonly leaseTtlMs: number
  /** 0: off. */
  readonly hangAfterMs: number
  readonly url: string | undefined
  readonly publicUrl: string | undefined
  readonly priority: number
  readonly eligible: boolean
  readonly heartbeatMs: number
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly settleMs: number
  readonly onRedisDataLoss: DataLossPolicy
  readonly audit: boolean
  readonly writeTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly maxQueuedWrites: number
  readonly maxQueuedBytes: number
  readonly maxEntryBytes: number
  readonly snapshotEntries: number
  readonly snapshotBytes: number
  readonly trailingEntries: number
  readonly trailingBytes: number
  readonly resultsKept: number
  readonly resultsKeptBytes: number
  readonly resultsKeptMs: number
  readonly writeConcern: WriteConcern
  readonly logger: Logger
  readonly tracer: Tracer | undefined
}

const MINIMUM_TTL_MS = 500

/** Options that are whole numbers. */
type WholeOption = {
  [K in keyof typeof DEFAULTS]: K extends 'hangAfterMs' | 'leaseTtlMs'
    ? never
    : (typeof DEFAULTS)[K] extends number
      ? K
      : never
}[keyof typeof DEFAULTS]

/**
 * Fills in defaults and checks everything at once.
 *
 * @throws OptionsError that lists every problem with the option's name, its value, its unit and its bound.
 */
export function resolveOptions(options: NodeOptions): ResolvedOptions {
  const check = new OptionChecks()
  const name = options.name ?? `${hostname()}-${process.pid}`.replaceAll(/[:{}\s]/g, '-')
  const id = `${name}-${randomBytes(5).toString('hex')}`
  const whole = (option: WholeOption, least: number, most: number, unit?: string) =>
    check.integer(option, options[option] ?? DEFAULTS[option], least, most, unit)
  check.label('group', options.group)
  check.label('name', name)
  check.redis('redis', options.redis)

  const leaseRedis = options.lease?.redis === undefined ? [options.redis] : [options.lease.redis].flat()
  check.leaseNodes(leaseRedis)
  if (options.lease?.redis !== undefined)
    leaseRedis.forEach((target, i) => check.redis(`lease.redis[${i}]`, target))

  const logger = contextLogger(
    check.logger(options.logger) ?? debugLogger(),
    { group: options.group, id },
    [options.redis, ...leaseRedis].flatMap((target) => passwordsIn(target)),
  )
  const tracer = check.tracer(options.tracer)
  const labels = { 'leasehold.group.name': options.group, 'leasehold.instance.id': id }
  const resolved: ResolvedOptions = {
    group: options.group,
    name,
    id,
    redis: options.redis,
    leaseRedis,
    leaseOnLog: options.lease?.redis === undefined,
    leaseTtlMs: check.integer(
      'lease.ttlMs',
      options.lease?.ttlMs ?? DEFAULTS.leaseTtlMs,
      MINIMUM_TTL_MS,
      600_000,
      'ms',
    ),
    hangAfterMs: check.hangAfterMs(options, DEFAULTS),
    url: check.url('url', options.url),
    publicUrl: check.url('publicUrl', options.publicUrl),
    priority: whole('priority', -1000, 1000),
    eligible: check.boolean('eligible', options.eligible ?? DEFAULTS.eligible),
    heartbeatMs: whole('heartbeatMs', 50, 60_000, 'ms'),
    startTimeoutMs: whole('startTimeoutMs', 100, 3_600_000, 'ms'),
    stopTimeoutMs: whole('stopTimeoutMs', 0, 600_000, 'ms'),
    settleMs: whole('settleMs', 50, 600_000, 'ms'),
    onRedisDataLoss: check.dataLossPolicy(options.onRedisDataLoss ?? DEFAULTS.onRedisDataLoss),
    audit: check.boolean('audit', options.audit ?? DEFAULTS.audit),
    writeTimeoutMs: whole('writeTimeoutMs', 100, 600_000, 'ms'),
    commandTimeoutMs: whole('commandTimeoutMs', 50, 60_000, 'ms'),
    maxQueuedWrites: whole('maxQueuedWrites', 1, 1_000_000),
    maxQueuedBytes: whole('maxQueuedBytes', 1024, 2 ** 31, 'bytes'),
    maxEntryBytes: whole('maxEntryBytes', 256, 16 * 1024 * 1024, 'bytes'),
    snapshotEntries: whole('snapshotEntries', 1, 10_000_000),
    snapshotBytes: whole('snapshotBytes', 1024, 2 ** 31, 'bytes'),
    trailingEntries: whole('trailingEntries', 0, 10_000_000),
    trailingBytes: whole('trailingBytes', 0, 2 ** 31, 'bytes'),
    resultsKept: whole('resultsKept', 0, 10_000_000),
    resultsKeptBytes: whole('resultsKeptBytes', 0, 2 ** 31, 'bytes'),
    resultsKeptMs: whole('resultsKeptMs', 0, 30 * 86_400_000, 'ms'),
    writeConcern: check.writeConcern(options.writeConcern ?? DEFAULTS.writeConcern),
    logger,
    tracer: tracer && new NodeTracer(tracer, labels, logger),
  }
  if (resolved.commandTimeoutMs >= resolved.writeTimeoutMs) {
    check.fail(
      'commandTimeoutMs',
      resolved.commandTimeoutMs,
      `must be below writeTimeoutMs (${resolved.writeTimeoutMs} ms), or no lost command is noticed in time`,
    )
  }
  if (resolved.maxEntryBytes > resolved.maxQueuedBytes) {
    check.fail(
      'maxEntryBytes',
      resolved.maxEntryBytes,
      `must not be above maxQueuedBytes (${resolved.maxQueuedBytes} bytes), or the largest entry never fits`,
    )
  }
  check.throwIfAny()
  return resolved
}

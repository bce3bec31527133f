import { randomBytes } from 'node:crypto'
import { systemClock } from './clock.js'
import { importFile, type SnapshotSource } from './operate/snapshot-import.js'
import { OptionChecks } from './option-checks.js'
import { DEFAULTS, type RedisTarget } from './options.js'
import { RedisImportTarget } from './redis/redis-import-target.js'

/** Options of `importSnapshot`. */
export interface ImportOptions {
  /** The group that is to begin at the snapshot; not necessarily the one that it was taken from. */
  readonly group: string
  /** The Redis that holds the group's log. */
  readonly redis: RedisTarget
  /** Give up what the group has, also while its instances run: they rebuild themselves. Default false: refuse. */
  readonly replace?: boolean
  /** How long a Redis command may take. Default 2000. */
  readonly commandTimeoutMs?: number
}

/** What was imported: the position at which the group goes on, in a log that is new. */
export interface ImportedSnapshot {
  readonly logId: string
  readonly index: number
  readonly term: number
  /** Name and version of the state machine that wrote it. */
  readonly application: string
  readonly version: number
}

/**
 * Has a group begin a new log at a snapshot that `exportSnapshot` wrote. Everything is checked first, the file as it
 * comes in; the group changes at once, at the end, or not at all.
 *
 * @throws LeaseholdError `SNAPSHOT_BAD`, `GROUP_NOT_EMPTY` without `replace`, `APP_MISMATCH`, `REDIS_UNREACHABLE`,
 * `REDIS_UNSUPPORTED`, `LOG_REFUSED`, `INVALID_OPTIONS`: nothing was changed.
 * @throws LeaseholdError `OUTCOME_UNKNOWN`: the reply to the last step was lost.
 * @example
 * ```ts
 * await importSnapshot({ group: 'bank', redis: 'redis://127.0.0.1:6379' }, createReadStream('bank.leasehold.gz'))
 * ```
 */
export async function importSnapshot(
  options: ImportOptions,
  source: SnapshotSource,
): Promise<ImportedSnapshot> {
  const { group, redis, replace = false, commandTimeoutMs = DEFAULTS.commandTimeoutMs } = options
  const check = new OptionChecks()
  check.label('group', group)
  check.redis('redis', redis)
  check.boolean('replace', replace)
  check.integer('commandTimeoutMs', commandTimeoutMs, 50, 60_000, 'ms')
  check.throwIfAny()

  const target = new RedisImportTarget({ group, redis, replace, commandTimeoutMs, clock: systemClock })
  try {
    const logId = randomBytes(9).toString('base64url')
    const { index, term, application, version } = await importFile(source, target, logId, systemClock)
    return { logId, index, term, application, version }
  } finally {
    target.close()
  }
}

import type { ServerFacts } from '../redis/server-probe.js'
import { failure, type Finding, type FindingSubject, fine, skipped, warning } from './finding.js'

const MIB = 1024 * 1024
/** A batch of entries reaches every follower as one message of about a mebibyte, and may wait for its reader. */
const LEAST_PUBSUB_BYTES = 2 * MIB
const EASY_PUBSUB_BYTES = 8 * MIB
/** From here on memory is short, and from there on it will be refused soon. */
const SHORT_MEMORY = 0.75
const FULL_MEMORY = 0.9
/** An idle connection is closed sooner than a quiet leader would use it again. */
const SHORT_IDLE_S = 60
/** Connections of one instance, with some to spare for its restart. */
const CONNECTIONS_EACH = 12

/** What the server is, and how it is set up. */
export function examineServer(facts: ServerFacts): Finding[] {
  return [
    version(facts),
    ...mode(facts),
    ...role(facts),
    access(facts),
    eviction(facts),
    ...memory(facts),
    persistence(facts),
    ...lastSave(facts),
    ...minReplicas(facts),
    idleTimeout(facts),
    keepalive(facts),
    pubsubBuffer(facts),
    connections(facts),
  ]
}

function version({ version: found, troubles }: ServerFacts): Finding {
  if (found === undefined) return notTold('version', 'INFO')
  if (troubles.version) return failure('version', troubles.version, 'Upgrade the server.')
  return fine('version', `${found}.`)
}

function mode({ troubles }: ServerFacts): Finding[] {
  if (!troubles.mode) return []
  return [failure('mode', troubles.mode, 'Name the servers of the Cluster instead of one of them.')]
}

function role({ info }: ServerFacts): Finding[] {
  const isCopy = info('role') === 'slave'
  if (info('loading') === '1')
    return [failure('role', 'This Redis is still reading its files.', 'Wait until it has, and look again.')]
  if (!isCopy) return []
  return [
    failure(
      'role',
      'This Redis is a read-only copy of another one: it refuses every write.',
      'Name the server that it copies, or the Sentinels.',
    ),
  ]
}

function access({ refused }: ServerFacts): Finding {
  if (refused === undefined) return fine('access', 'This user may do all that an instance does.')
  return failure(
    'access',
    `This user may not do what an instance does: ${refused}.`,
    'Give it the rules in docs/security.md, or look with the user of the instances.',
  )
}

function eviction({ config, troubles }: ServerFacts): Finding {
  const policy = config.get('maxmemory-policy')
  if (policy === undefined) return notTold('eviction', 'CONFIG GET')
  if (troubles.eviction) {
    const fix = 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.'
    return failure('eviction', troubles.eviction, fix)
  }
  const limit = Number(config.get('maxmemory'))
  if (limit === 0 && policy !== 'noeviction')
    return fine(
      'eviction',
      `maxmemory-policy ${policy} does nothing while maxmemory is 0; noeviction is safer.`,
    )
  return fine('eviction', `maxmemory-policy ${policy}${limit === 0 ? ', and no maxmemory' : ''}.`)
}

function memory({ config, info }: ServerFacts): Finding[] {
  const [limit, used] = [Number(config.get('maxmemory')), Number(info('used_memory'))]
  if (!(limit > 0 && used >= 0)) return []
  const share = used / limit
  const found = `${mib(used)} of ${mib(limit)} are in use (${percent(share)}).`
  const fix = 'Raise maxmemory, or lower trailingEntries and trailingBytes, by which the log is kept.'
  if (share >= FULL_MEMORY)
    return [failure('memory', `${found} At the limit Redis refuses every write.`, fix)]
  return [share >= SHORT_MEMORY ? warning('memory', found, fix) : fine('memory', found)]
}

function persistence({ config, troubles }: ServerFacts): Finding {
  if (!config.has('appendonly')) return notTold('persistence', 'CONFIG GET')
  if (troubles.persistence)
    return warning(
      'persistence',
      troubles.persistence,
      'CONFIG SET appendonly yes, and the same in redis.conf.',
    )
  const fsync = config.get('appendfsync') ?? 'unknown'
  if (fsync === 'no') {
    return warning(
      'persistence',
      'appendonly yes with appendfsync no: a power cut loses whatever the system had not written, about 30 s.',
      'CONFIG SET appendfsync everysec (a second at most), or always (nothing, and slower).',
    )
  }
  const loses = fsync === 'always' ? 'nothing that was acknowledged' : 'at most about a second of writes'
  return fine('persistence', `appendonly yes, appendfsync ${fsync}: a power cut loses ${loses}.`)
}

function lastSave({ config, info }: ServerFacts): Finding[] {
  const failed = ['aof_last_write_status', 'aof_last_bgrewrite_status', 'rdb_last_bgsave_status'].filter(
    (field) => (info(field) ?? 'ok') !== 'ok',
  )
  if (failed.length > 0) {
    const fix = 'See the log of Redis: the disk is full, or its folder is not writable.'
    return [failure('last-save', `Redis could not write to its disk: ${failed.join(', ')} is err.`, fix)]
  }
  const delayed = Number(info('aof_delayed_fsync') ?? 0)
  if (delayed === 0)
    return config.get('appendonly') === 'yes' ? [fine('last-save', 'The disk keeps up.')] : []
  return [
    warning(
      'last-save',
      `Redis has waited for its disk ${delayed} times since its start (aof_delayed_fsync); each may be seconds without an answer.`,
      'Give the append-only file a faster disk, or one of its own.',
    ),
  ]
}

function minReplicas({ config, info, troubles }: ServerFacts): Finding[] {
  if (!config.has('min-replicas-to-write')) return []
  if (troubles.minReplicas) {
    const fix = 'CONFIG SET min-replicas-to-write 1 on every server of the set.'
    return [warning('min-replicas', troubles.minReplicas, fix)]
  }
  const least = Number(config.get('min-replicas-to-write'))
  const connected = Number(info('connected_slaves') ?? Number.NaN)
  if (least > 0 && connected < least) {
    const found = `min-replicas-to-write is ${least} and ${connected} copies are connected: every write is refused.`
    return [failure('min-replicas', found, 'Start the copies of this Redis, or lower the setting.')]
  }
  return [fine('min-replicas', `min-replicas-to-write ${least}.`)]
}

function idleTimeout({ config }: ServerFacts): Finding {
  const seconds = Number(config.get('timeout') ?? Number.NaN)
  if (Number.isNaN(seconds)) return notTold('idle-timeout', 'CONFIG GET')
  if (seconds === 0) return fine('idle-timeout', 'timeout 0: idle connections stay.')
  const found = `timeout ${seconds}: Redis closes connections that were idle for ${seconds} s. A leader's term ends with its connection, so a quiet leader has to claim anew each time.`
  const fix = 'CONFIG SET timeout 0.'
  return seconds < SHORT_IDLE_S ? failure('idle-timeout', found, fix) : warning('idle-timeout', found, fix)
}

function keepalive({ config }: ServerFacts): Finding {
  const seconds = Number(config.get('tcp-keepalive') ?? Number.NaN)
  if (Number.isNaN(seconds)) return notTold('keepalive', 'CONFIG GET')
  if (seconds > 0 && seconds <= 300) return fine('keepalive', `tcp-keepalive ${seconds}.`)
  const found = `tcp-keepalive ${seconds}: connections of a host that is lost stay${seconds === 0 ? ' for ever' : ` for ${seconds} s and more`}, and with them the sign that its instances live.`
  return warning('keepalive', found, 'CONFIG SET tcp-keepalive 60.')
}

function pubsubBuffer({ config }: ServerFacts): Finding {
  const limits = /pubsub (\d+) (\d+) (\d+)/.exec(config.get('client-output-buffer-limit') ?? '')
  if (!limits) return notTold('pubsub-buffer', 'CONFIG GET')
  const [hard = 0, soft = 0] = limits.slice(1).map(Number)
  const least = Math.min(...[hard, soft].map((bytes) => (bytes === 0 ? Number.POSITIVE_INFINITY : bytes)))
  const found = `client-output-buffer-limit ${limits[0]}`
  const fix = 'CONFIG SET client-output-buffer-limit "pubsub 33554432 8388608 60".'
  if (least < LEAST_PUBSUB_BYTES) {
    const why = 'one batch of entries, up to a mebibyte, may close the subscription of a follower'
    return failure('pubsub-buffer', `${found}: ${why}, over and over.`, fix)
  }
  if (least < EASY_PUBSUB_BYTES)
    return warning(
      'pubsub-buffer',
      `${found}: a follower that is busy for a moment loses its subscription.`,
      fix,
    )
  return fine('pubsub-buffer', `${found}.`)
}

function connections({ info, config }: ServerFacts): Finding {
  const most = Number(config.get('maxclients') ?? info('maxclients') ?? Number.NaN)
  const used = Number(info('connected_clients') ?? Number.NaN)
  if (Number.isNaN(most) || Number.isNaN(used)) return notTold('connections', 'INFO')
  const left = most - used
  const found = `${used} of ${most} connections are in use (maxclients); an instance has about ten.`
  const fix = 'Raise maxclients, and the limit of open files of Redis.'
  if (left < CONNECTIONS_EACH) return failure('connections', found, fix)
  return left < 4 * CONNECTIONS_EACH ? warning('connections', found, fix) : fine('connections', found)
}

function notTold(subject: FindingSubject, command: string): Finding {
  return skipped(
    subject,
    `${command} is forbidden to this user, so it cannot be told.`,
    `Allow it ${command}.`,
  )
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

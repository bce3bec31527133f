import type { Redis } from 'ioredis'
import { LeaseholdError } from '../errors.js'
import { callScript } from './call-script.js'
import type { Keys } from './keys.js'

/** What an instance must be allowed on one server. */
export interface Needs {
  /** One call of each command, with K for a key, C, D and E for the channels; a subcommand stands behind a bar. */
  readonly calls: readonly string[]
  /** To be read and written. */
  readonly keys: readonly string[]
  readonly channels: readonly [string, string, string]
}

// Whole calls, although none is made: asked about an EVAL without its number of keys, Redis 7.0 crashes (measured).
const SCRIPTS = calls('eval s 0, evalsha s 0')
const ELECT = calls('exists K, hdel K f, hget K f, hgetall K, hincrby K f 1, hmget K f, hset K f v, time')
const FOLLOW = calls(
  `multi, exec, expire K 1, hexists K f, persist K, publish C m, pubsub|channels p, spublish E m,
  ssubscribe E, subscribe C D, sunsubscribe E, unsubscribe C, xadd K * f v, xrange K - +, xtrim K MINID 1`,
)
/** What BullMQ does with jobs such as ours, its scripts included. */
const JOBS = calls(
  `bzpopmin K 1, del K, get K, hexists K f, hget K f, hgetall K, hincrby K f 1, hmget K f, hmset K f v, hset K f v,
  incr K, llen K, lpush K e, lrange K 0 1, lrem K 1 e, ltrim K 0 1, rpoplpush K K, rpush K e, sadd K e, scard K, set K v,
  smembers K, srem K e, xadd K * f v, xtrim K MAXLEN 1, zadd K 1 e, zcard K, zpopmin K, zrange K 0 1, zrangebyscore K 0 1`,
)
const LEASE = calls('del K, exists K, get K, pttl K, publish C m, pubsub|numsub D, set K v, subscribe C D')

function calls(text: string): string[] {
  return text.split(/,\s+/)
}

/** On the log's Redis. */
export function logNeeds(keys: Keys, replicates: boolean): Needs {
  const { meta, log, terms, members, jobs, acknowledgements, appended, presence } = keys
  return {
    calls: [...SCRIPTS, ...ELECT, ...(replicates ? [...FOLLOW, ...JOBS] : [])],
    keys: [meta, log, terms, members, keys.snapshot('any'), `${jobs}:any`],
    channels: [acknowledgements, presence('any'), appended],
  }
}

/** On a lease node. */
export function leaseNeeds({ lease, leaseNotices, presence }: Keys): Needs {
  return {
    calls: [...SCRIPTS, ...LEASE],
    keys: [lease],
    channels: [leaseNotices, presence('any'), leaseNotices],
  }
}

/**
 * Looks whether the user of this connection may do all that an instance does. Else some of it would fail much later, in
 * a failover say, and some would only be slow.
 *
 * @throws LeaseholdError `REDIS_FORBIDDEN` that names what is refused.
 */
export async function checkAccess(client: Redis, needs: Needs): Promise<void> {
  const refused = await refusedAccess(client, needs)
  if (refused === undefined) return
  throw new LeaseholdError(
    'REDIS_FORBIDDEN',
    `The user of this connection to Redis may not do what an instance does: ${refused.what}. docs/security.md has the ACL.`,
    { cause: refused.cause },
  )
}

/** What an instance does and the user of this connection may not; undefined if it may do all. */
export async function refusedAccess(
  client: Redis,
  { calls, keys, channels }: Needs,
): Promise<{ what: string; cause?: Error } | undefined> {
  try {
    const refused = (await callScript(client, 'checkAccess', keys, [...channels, ...calls])) as string[]
    return refused.length > 0 ? { what: `NOPERM for ${[...new Set(refused)].join(', ')}` } : undefined
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM'))
      return { what: error.message, cause: error }
    throw error
  }
}

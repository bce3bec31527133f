import type { Redis, RedisOptions } from 'ioredis'
import { LeaseholdError } from '../errors.js'
import type { RedisTarget } from '../options.js'
import { addressOf } from './address.js'
import { ClusterSlot } from './cluster-slot.js'
import { clusterSettingsOf } from './cluster-target.js'
import { ConnectTrouble } from './connect-trouble.js'
import { QuietRedis } from './quiet-redis.js'
import { connectorTo, slotOf } from './slot-connector.js'

/** Options of a connection, given by what it is for. */
export type Duty = Omit<RedisOptions, 'replyMapping'>

/** Slowest reconnect: when Redis is back, who leads is settled only once the instances are back, too. */
const MAX_RECONNECT_DELAY_MS = 50

/**
 * Idle for so long, a connection asks whether the other side is still there, so that one that is half open ends within about
 * twice that: a subscription sends nothing by which it would show. With ioredis 5 the system asks after two hours.
 */
const KEEP_ALIVE_MS = 10_000

/**
 * What every connection of ours shares: nothing waits in a queue while Redis is away, and nothing is sent twice. By
 * default ioredis does both, and one append then becomes two entries (measured). A command whose reply is lost rejects.
 */
const FAIL_FAST = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (attempt: number) =>
    Math.min(MAX_RECONNECT_DELAY_MS, 10 * 2 ** Math.min(attempt, 8)) * (0.75 + Math.random() / 2),
  // A connection that is ended gets this long to say goodbye; to a Redis that hangs it never could.
  disconnectTimeout: 100,
  // Under Sentinel, notices at once that the primary has changed, instead of talking to the old one until it is demoted.
  failoverDetector: true,
} satisfies Duty

/**
 * For commands: log reads, members, lease nodes, pushing jobs. Reconnects by itself; a command fails after `timeoutMs`. A
 * socket that stays mute for longer is given up: packets that are dropped close no connection.
 */
export function commandOptions(timeoutMs: number): Duty {
  return {
    ...FAIL_FAST,
    commandTimeout: timeoutMs,
    socketTimeout: 2 * timeoutMs,
    connectTimeout: Math.max(timeoutMs, 1000),
  }
}

/** For one term: as for commands, but it never reaches a second socket. */
export function termOptions(timeoutMs: number): Duty {
  return { ...commandOptions(timeoutMs), retryStrategy: () => null }
}

/**
 * For subscriptions. Whoever uses it subscribes at each 'ready': ioredis' own resubscribing leaves a rejection that nobody
 * can handle when the connection is lost again meanwhile.
 */
export function subscriberOptions(): Duty {
  return { ...FAIL_FAST, autoResubscribe: false }
}

/**
 * For the subscription that says that a process lives: it carries nothing else, so that no full buffer ends it, and comes
 * back at once, before anybody takes its absence for a death.
 */
export function presenceOptions(): Duty {
  const { retryStrategy } = FAIL_FAST
  return {
    ...subscriberOptions(),
    retryStrategy: (attempt: number) => (attempt === 1 ? 1 : retryStrategy(attempt - 1)),
  }
}

/** For BullMQ's worker, which insists on blocking commands that wait for ever. */
export function workerOptions(): Duty {
  return { ...FAIL_FAST, enableOfflineQueue: true, maxRetriesPerRequest: null }
}

/** Where connections go to: a server by its address, or whichever of a Cluster has the slot of `key`. */
export function locate(target: RedisTarget, key: string): RedisTarget {
  const cluster = clusterSettingsOf(target)
  return cluster ? new ClusterSlot(cluster, key) : target
}

/** A new connection to `target` with the options of its duty. It has an `error` listener: trouble shows in the commands. */
export function createClient(target: RedisTarget, duty: Duty, name: string): Redis {
  const settings = settingsOf(target)
  // One that is to be heard of sooner is kept: something on the way may forget what is idle.
  const keepAlive = Math.min(settings.keepAlive || KEEP_ALIVE_MS, KEEP_ALIVE_MS)
  const client = new QuietRedis({ ...settings, ...duty, keepAlive, connectionName: name })
  client.on('error', () => {})
  return client
}

function settingsOf(target: RedisTarget): Duty {
  if (!(target instanceof ClusterSlot)) return addressOf(target)
  // A server that has lost the slot says so in the reply, without having run anything. The others follow this connection.
  const reconnectOnError = (error: Error) => error.message.startsWith('MOVED ')
  return { ...target.access, Connector: connectorTo(target), reconnectOnError }
}

/**
 * Connects, waiting through failures until `signal` aborts.
 *
 * @throws LeaseholdError `REDIS_UNREACHABLE` that says which server and why.
 */
export async function connect(client: Redis, signal: AbortSignal): Promise<void> {
  if (client.status === 'ready') return
  const trouble = new ConnectTrouble(client.options)
  await new Promise<void>((resolve, reject) => {
    const done = (connected: boolean) => {
      client.off('ready', onReady).off('end', onEnd).off('error', onError)
      signal.removeEventListener('abort', onEnd)
      if (connected) resolve()
      else
        reject(
          new LeaseholdError(
            'REDIS_UNREACHABLE',
            `Redis at ${placeOf(client.options)} cannot be reached: ${trouble.why}`,
            { retryable: true },
          ),
        )
    }
    const onReady = () => done(true)
    const onEnd = () => done(false)
    const onError = (error: Error) => trouble.add(error)
    client.on('ready', onReady).on('end', onEnd).on('error', onError)
    signal.addEventListener('abort', onEnd, { once: true })
    if (signal.aborted) onEnd()
    else if (client.status === 'wait') client.connect().catch(() => {}) // the events tell
  })
}

/** Where a server is, fit for messages: without user name and password. */
export function placeOf(options: RedisOptions): string {
  const { host, port, path, sentinels, tls } = options
  const slot = slotOf(options)
  if (slot) return slot.place
  if (sentinels)
    return `sentinels ${sentinels.map((sentinel) => `${sentinel.host}:${sentinel.port}`).join(', ')}`
  return path ?? `${tls ? 'rediss' : 'redis'}://${host}:${port}`
}

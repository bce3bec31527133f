import { Redis, type RedisOptions } from 'ioredis'
import { LeaseholdError } from '../errors.js'
import type { RedisTarget } from '../options.js'

/** Options of a connection, given by what it is for. */
export type Duty = Omit<RedisOptions, 'replyMapping'>

/** Slowest reconnect: an instance that has lost Redis must be back long before a lease runs out. */
const MAX_RECONNECT_DELAY_MS = 200

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
  reconnectOnError: null,
  // Under Sentinel, notices at once that the primary has changed, instead of talking to the old one until it is demoted.
  failoverDetector: true,
} satisfies Duty

/** For commands: log reads, members, lease nodes, pushing jobs. Reconnects by itself; a command fails after `timeoutMs`. */
export function commandOptions(timeoutMs: number): Duty {
  return { ...FAIL_FAST, commandTimeout: timeoutMs, connectTimeout: Math.max(timeoutMs, 1000) }
}

/** For one term: as for commands, but it never reaches a second socket. */
export function termOptions(timeoutMs: number): Duty {
  return { ...commandOptions(timeoutMs), retryStrategy: () => null }
}

/** For subscriptions: stays subscribed across reconnects. */
export function subscriberOptions(): Duty {
  return { ...FAIL_FAST, autoResubscribe: true }
}

/** For BullMQ's worker, which insists on blocking commands that wait for ever. */
export function workerOptions(): Duty {
  return { ...FAIL_FAST, enableOfflineQueue: true, maxRetriesPerRequest: null }
}

/** A new connection to `target` with the options of its duty. It has an `error` listener: trouble shows in the commands. */
export function createClient(target: RedisTarget, duty: Duty, name: string): Redis {
  // Reply shapes and number types are ours to choose, whatever the user's own client has.
  const ours = { ...duty, connectionName: name, replyMapping: 'legacy', stringNumbers: false } as const
  const client =
    typeof target === 'string' ? new Redis(target, ours) : new Redis({ ...settingsOf(target), ...ours })
  client.on('error', () => {})
  return client
}

/**
 * Connects, waiting through failures until `signal` aborts.
 *
 * @throws LeaseholdError `REDIS_UNREACHABLE` that says which server and why.
 */
export async function connect(client: Redis, signal: AbortSignal): Promise<void> {
  if (client.status === 'ready') return
  let last = 'no answer'
  await new Promise<void>((resolve, reject) => {
    const done = (connected: boolean) => {
      client.off('ready', onReady).off('end', onEnd).off('error', onError)
      signal.removeEventListener('abort', onEnd)
      if (connected) resolve()
      else
        reject(
          new LeaseholdError(
            'REDIS_UNREACHABLE',
            `Redis at ${describe(client.options)} cannot be reached: ${last}`,
            { retryable: true },
          ),
        )
    }
    const onReady = () => done(true)
    const onEnd = () => done(false)
    const onError = (error: Error) => {
      last = error.message || (error as NodeJS.ErrnoException).code || error.name
    }
    client.on('ready', onReady).on('end', onEnd).on('error', onError)
    signal.addEventListener('abort', onEnd, { once: true })
    if (signal.aborted) onEnd()
    else if (client.status === 'wait') client.connect().catch(() => {}) // the events tell
  })
}

/** Ends a connection for good. Disconnecting one that has ended already would leave a timer behind (ioredis 6.0.0). */
export function disconnect(client: Redis): void {
  if (client.status !== 'end') client.disconnect()
}

/** Where a server is, fit for messages: without user name and password. */
function describe({ host, port, path, sentinels }: RedisOptions): string {
  if (sentinels)
    return `sentinels ${sentinels.map((sentinel) => `${sentinel.host}:${sentinel.port}`).join(', ')}`
  return path ?? `redis://${host}:${port}`
}

function settingsOf(target: object): Duty {
  return 'options' in target && 'duplicate' in target ? (target.options as RedisOptions) : target
}

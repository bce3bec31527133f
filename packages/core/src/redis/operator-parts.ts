import type { Redis } from 'ioredis'
import type { Clock } from '../clock.js'
import type { MemberStore } from '../elect/members.js'
import type { LogPage, LogStore } from '../log/log-store.js'
import type { OrderStore } from '../operate/orders.js'
import { type RedisTarget, resolveOptions } from '../options.js'
import { clusterSettingsOf } from './cluster-target.js'
import { commandOptions, connect, createClient, locate, placeOf } from './connections.js'
import { ANY_GROUP, groupOf, type Keys, keysOf, queueOwner } from './keys.js'
import { noticeText } from './lease-notice.js'
import { presentOn } from './presence.js'
import { RedisLogStore } from './redis-log-store.js'
import { RedisMemberStore } from './redis-member-store.js'
import { RedisOrderStore } from './redis-order-store.js'
import { scan } from './scan.js'
import { optional } from './server-facts.js'
import { probeServer, type ServerFacts, serverTimeMs } from './server-probe.js'

/** An operator writes nothing to a log, so its commands may take as long as those of any instance. */
const NO_WRITE_MS = 600_000

/** Where a group is, and how long its Redis may take. */
export interface OperatorTarget {
  readonly group: string
  readonly redis: RedisTarget
  readonly commandTimeoutMs: number
}

/** What is in the stream of the log, past all that stands beside it. */
export interface StreamEnds {
  /** Index of the oldest entry; undefined if there is none. */
  readonly first: number | undefined
  /** Index of the first entry from where the log said that it ends, and of the one behind that; as far as they are there. */
  readonly last: readonly number[]
  /** Whether the snapshot that newcomers are to load is there, complete; undefined without one. */
  readonly hasSnapshot: boolean | undefined
}

/** A group's Redis as somebody sees it who is not an instance: one connection, which publishes nothing of itself. */
export class OperatorParts {
  readonly log: Pick<LogStore, 'read' | 'changes'>
  readonly members: Pick<MemberStore, 'list'>
  readonly orders: OrderStore
  readonly clock: Clock
  readonly #client: Redis
  readonly #keys: Keys
  #opened = false

  /** @throws OptionsError for a name or a target that is none. */
  constructor({ group, redis, commandTimeoutMs }: OperatorTarget, clock: Clock) {
    const name = 'operator'
    const options = resolveOptions({ group, redis, commandTimeoutMs, name, writeTimeoutMs: NO_WRITE_MS })
    const keys = keysOf(group)
    const duty = commandOptions(commandTimeoutMs)
    // Somebody waits: the first connection succeeds, or is told of at once. Later ones come back by themselves.
    const retryStrategy = (attempt: number) =>
      this.#opened && duty.retryStrategy ? duty.retryStrategy(attempt) : null
    const client = createClient(
      locate(redis, keys.meta),
      { ...duty, retryStrategy },
      `leasehold:${group}:${name}`,
    )
    this.log = new RedisLogStore({ options, client, keys, replicates: false, warn: () => {} })
    this.members = new RedisMemberStore(client, keys)
    this.orders = new RedisOrderStore(client, keys)
    this.clock = clock
    this.#client = client
    this.#keys = keys
  }

  /** Where Redis is, without user name and password. */
  get place(): string {
    return placeOf(this.#client.options)
  }

  /** @throws LeaseholdError `REDIS_UNREACHABLE` */
  async open(withinMs: number): Promise<void> {
    const late = new AbortController()
    const cancel = this.clock.timer(withinMs, () => late.abort())
    await connect(this.#client, late.signal).finally(cancel)
    this.#opened = true
  }

  close(): void {
    this.#client.disconnect()
  }

  /** Has all instances look at the orders, and say at once how far they are. Only those hear it whose lease lies here. */
  async announceOrders(): Promise<void> {
    await optional(this.#client.publish(this.#keys.leaseNotices, noticeText({ kind: 'orders' })))
  }

  /** Ids of the instances whose processes are connected; undefined where that may not be asked. */
  async present(): Promise<ReadonlySet<string> | undefined> {
    const ids = await optional(presentOn(this.#client, this.#keys))
    return ids && new Set(ids)
  }

  serverTimeMs(): Promise<number> {
    return serverTimeMs(this.#client)
  }

  probe(): Promise<ServerFacts> {
    return probeServer(this.#client, this.#keys, this.clock)
  }

  async streamEnds({ head, snapshot }: LogPage): Promise<StreamEnds> {
    const { log } = this.#keys
    const [[oldest], last, snapshotHead] = await Promise.all([
      this.#client.xrange(log, '-', '+', 'COUNT', 1),
      this.#client.xrange(log, `${head}-0`, '+', 'COUNT', 2),
      snapshot ? this.#client.hget(this.#keys.snapshot(snapshot.id), 'head') : undefined,
    ])
    return {
      first: oldest ? Number.parseInt(oldest[0], 10) : undefined,
      last: last.map(([id]) => Number.parseInt(id, 10)),
      hasSnapshot: snapshotHead === undefined ? undefined : snapshotHead !== null,
    }
  }

  /** Ids of the instances that have a queue. Undefined where they may not be looked for. */
  async queues(): Promise<{ ids: readonly string[]; complete: boolean } | undefined> {
    const found = await scan(this.#client, this.clock, this.#keys.anyQueue, 'hash')
    return found && { ids: found.keys.map(queueOwner), complete: found.complete }
  }

  /** Names of the groups on this server. Undefined where they may not be looked for, or may be on others, too. */
  async groups(target: RedisTarget): Promise<{ names: readonly string[]; complete: boolean } | undefined> {
    if (clusterSettingsOf(target)) return undefined
    const found = await scan(this.#client, this.clock, ANY_GROUP, 'hash')
    if (!found) return undefined
    const names = found.keys.map(groupOf).filter((name) => name !== undefined)
    return { names: names.toSorted(), complete: found.complete }
  }
}

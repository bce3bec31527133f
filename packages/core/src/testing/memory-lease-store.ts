import {
  deadlineOf,
  type Lease,
  type LeaseGuard,
  type LeaseLook,
  type LeaseNotice,
  type LeaseStore,
} from '../elect/lease.js'
import type { ChangeReason } from '../events.js'
import type { ResolvedOptions } from '../options.js'
import { MemoryClient } from './memory-client.js'
import type { MemoryData, MemoryRedis } from './memory-redis.js'
import type { TestProcess } from './test-process.js'
import type { Connection, Wire } from './wire.js'

const NOTICES = 'lease-notices'

/** The channel to which an instance is subscribed as long as its process lives. */
export function presenceOf(id: string): string {
  return `presence:${id}`
}

/** The lease on a Redis in memory. */
export class MemoryLeaseStore implements LeaseStore {
  readonly #options: ResolvedOptions
  readonly #process: TestProcess
  readonly #client: MemoryClient
  readonly #redis: MemoryRedis
  /** Of each connection, whose presence it has seen since it stands. */
  readonly #seen = new WeakMap<Connection, Set<string>>()
  /** Not given back for want of a connection. */
  readonly #leftovers = new Set<string>()
  #listener: (notice: LeaseNotice) => void = () => {}

  constructor(options: ResolvedOptions, wire: Wire) {
    this.#options = options
    this.#process = wire.process
    this.#redis = wire.redis
    this.#client = new MemoryClient(wire, Math.floor(options.leaseTtlMs / 5))
    this.#client.onReady(() => {
      const { connection } = this.#client
      connection?.subscribe(presenceOf(options.id), () => {}).catch(() => {})
      connection
        ?.subscribe(NOTICES, (text) => this.#listener(JSON.parse(text) as LeaseNotice))
        .catch(() => {})
      for (const value of this.#leftovers) void this.#giveBack(value, undefined).catch(() => {})
    })
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#client.open(signal)
  }

  async acquire(): Promise<Lease | undefined> {
    const startedMs = this.#process.now()
    const value = await this.#client.call('acquire', (redis) => {
      if (leaseIn(redis)) return undefined
      const lease = { value: redis.unique(), expiresMs: redis.timeMs + this.#options.leaseTtlMs }
      redis.data.lease = lease
      return lease.value
    })
    if (value === undefined) return undefined
    const lease = { value, deadlineMs: deadlineOf(startedMs, this.#options.leaseTtlMs) }
    if (this.#process.now() < lease.deadlineMs) return lease
    await this.release(lease)
    return undefined
  }

  async renew({ value, deadlineMs }: Lease): Promise<Lease | undefined> {
    const startedMs = this.#process.now()
    if (startedMs >= deadlineMs) return undefined
    const renewed = await this.#client.call('renew', (redis) => {
      const held = leaseIn(redis)
      if (held && held.value !== value) return false
      redis.data.lease = { value, expiresMs: redis.timeMs + this.#options.leaseTtlMs }
      return true
    })
    return renewed ? { value, deadlineMs: deadlineOf(startedMs, this.#options.leaseTtlMs) } : undefined
  }

  async release({ value }: Lease, reason?: ChangeReason): Promise<void> {
    this.#leftovers.add(value)
    await this.#giveBack(value, reason)
  }

  guard({ value }: Lease, gaveBack: () => void): LeaseGuard {
    let state: 'held' | 'over' | 'givenBack' = 'held'
    const { hangAfterMs } = this.#options
    this.#process.onHang = (world) => {
      if (hangAfterMs > 0)
        world.timer(hangAfterMs, () => {
          if (state !== 'held' || !this.#process.hung) return
          state = 'givenBack'
          take(this.#redis, value, { kind: 'vacant', reason: 'hung', heir: undefined })
          this.#process.run(gaveBack)
        })
    }
    return {
      get gaveBack() {
        return state === 'givenBack'
      },
      end() {
        if (state === 'held') state = 'over'
      },
    }
  }

  look(): Promise<LeaseLook> {
    return this.#client.call('look', (redis) => {
      const held = leaseIn(redis)
      return { vacantInMs: held ? Math.max(1, held.expiresMs - redis.timeMs) : 0 }
    })
  }

  async isPresent(id: string): Promise<boolean | undefined> {
    const { connection } = this.#client
    if (!connection) return undefined
    try {
      const isThere = await this.#client.call('isPresent', (redis) => redis.isSubscribed(presenceOf(id)))
      const seen = this.#seen.get(connection) ?? new Set<string>()
      this.#seen.set(connection, seen)
      if (isThere) seen.add(id)
      else if (!seen.has(id)) return undefined
      return isThere
    } catch {
      return undefined // out of reach: nothing can be said
    }
  }

  depose(leaseValue: string, heir: string | undefined): Promise<boolean> {
    const notice = { kind: 'vacant', reason: 'deposed', heir } as const
    // As on Redis, where a node that does not answer has no say.
    return this.#client.call('depose', (redis) => take(redis, leaseValue, notice)).catch(() => false)
  }

  announceLeader(): void {
    this.#announce({ kind: 'taken' })
  }

  announceOrders(): void {
    this.#announce({ kind: 'orders' })
  }

  onNotice(listener: (notice: LeaseNotice) => void): void {
    this.#listener = listener
  }

  async close(): Promise<void> {
    this.#listener = () => {}
    this.#client.close()
  }

  async #giveBack(value: string, reason: ChangeReason | undefined): Promise<void> {
    const wasThere = await this.#client.call('release', (redis) =>
      take(redis, value, { kind: 'vacant', reason, heir: undefined }),
    )
    this.#leftovers.delete(value)
    if (!wasThere) throw new Error('The lease was not there any more')
  }

  #announce(notice: LeaseNotice): void {
    this.#client.call('announce', (redis) => redis.publish(NOTICES, JSON.stringify(notice))).catch(() => {})
  }
}

/** The lease, if it has not run out. */
function leaseIn({ data, timeMs }: MemoryRedis): MemoryData['lease'] {
  return data.lease && data.lease.expiresMs > timeMs ? data.lease : undefined
}

/** Takes exactly this lease from its holder and tells everybody. False if it is not there. */
function take(redis: MemoryRedis, value: string, notice: LeaseNotice): boolean {
  if (leaseIn(redis)?.value !== value) return false
  redis.data.lease = undefined
  redis.publish(NOTICES, JSON.stringify(notice))
  return true
}

import Redlock, { type ExecutionStats, type Lock, type Operation } from 'redlock'
import type { Clock } from '../clock.js'
import {
  deadlineOf,
  type Lease,
  type LeaseGuard,
  type LeaseLook,
  type LeaseNotice,
  type LeaseStore,
} from '../elect/lease.js'
import type { ChangeReason, Warn } from '../events.js'
import type { ResolvedOptions } from '../options.js'
import { remember } from '../remember.js'
import { leaseNeeds } from './access.js'
import { callScript } from './call-script.js'
import { commandOptions, createClient, presenceOptions, subscriberOptions } from './connections.js'
import { HangWatch } from './hang-watch.js'
import type { Keys } from './keys.js'
import { noticeText, readNotice } from './lease-notice.js'
import { LeaseNode } from './lease-node.js'
import { LeaseNodes, quorum } from './lease-nodes.js'
import { Presence } from './presence.js'
import { scripts } from './scripts.generated.js'

/** Beyond any clock: redlock compares a lock's expiration with the wall clock, and would give up when that jumps. */
const FAR_FUTURE = Number.MAX_SAFE_INTEGER
/** Leases that are kept to be given back to nodes that were away. */
const MAX_LEFTOVERS = 10

/**
 * The lease by Redlock (Antirez, "Distributed Locks with Redis"), as a one-shot primitive: one attempt a call, no
 * retries and no timers of its own. Deadlines are ours, monotonic, and counted from before the request was sent.
 */
export class RedlockLeaseStore implements LeaseStore {
  readonly #nodes: LeaseNodes
  readonly #presence: Presence
  readonly #watch: HangWatch
  readonly #redlock: Redlock
  readonly #keys: Keys
  readonly #ttlMs: number
  readonly #clock: Clock
  /** Locks by their value: redlock wants its own objects back. */
  readonly #locks = new Map<string, Lock>()
  /** Given back, but not on every node: a renewal may still lie in the socket of one that hangs, and run when it goes on. */
  readonly #leftovers = new Set<Lock>()
  #listener: (notice: LeaseNotice) => void = () => {}

  constructor(parts: {
    options: ResolvedOptions
    keys: Keys
    warn: Warn
    clock: Clock
  }) {
    const { options, keys, warn, clock } = parts
    const name = `leasehold:${options.group}:${options.name}:lease`
    const duty = commandOptions(Math.floor(options.leaseTtlMs / 5))
    const nodes = options.leaseRedis.map((target) => {
      const commands = createClient(target, duty, name)
      const notices = createClient(target, subscriberOptions(), `${name}-notices`)
      const presence = createClient(target, presenceOptions(), `${name}-presence`)
      return new LeaseNode({ commands, notices, presence }, clock)
    })
    this.#nodes = new LeaseNodes(nodes, leaseNeeds(keys), warn)
    this.#presence = new Presence(this.#nodes, keys, options.id)
    this.#watch = new HangWatch({ options, keys, nodes: this.#nodes, warn, clock })
    const clients = nodes.map(({ commands }) => commands)
    this.#redlock = new Redlock(clients, { retryCount: 0 }, { extendScript: () => scripts.renewLease })
    this.#redlock.on('error', () => {}) // each shows in the vote that it cost
    this.#keys = keys
    this.#ttlMs = options.leaseTtlMs
    this.#clock = clock
  }

  async open(signal: AbortSignal): Promise<void> {
    for (const { notices } of this.#nodes.all) {
      notices.on('message', (_channel, text) => {
        const notice = readNotice(text)
        if (notice) this.#listener(notice)
      })
      // A subscriber that comes up later subscribes then; until it does, the lease is looked at in time all the same.
      const subscribe = () => void notices.subscribe(this.#keys.leaseNotices).catch(() => {})
      notices.on('ready', subscribe)
    }
    this.#presence.announce()
    this.#watch.open()
    await this.#nodes.open(signal, () => this.#giveBackLeftovers())
  }

  async acquire(): Promise<Lease | undefined> {
    const startedMs = this.#clock.now()
    let lock: Lock
    try {
      lock = await this.#redlock.acquire([this.#keys.lease], this.#ttlMs)
    } catch (error) {
      if (againstIn(await statsOf(error)).some(isHeld)) return undefined
      throw error
    }
    this.#locks.set(lock.value, lock)
    const lease = { value: lock.value, deadlineMs: deadlineOf(startedMs, this.#ttlMs) }
    if (this.#clock.now() < lease.deadlineMs) return lease
    await this.release(lease) // granted, but too late to be of use
    return undefined
  }

  async renew(lease: Lease): Promise<Lease | undefined> {
    const lock = this.#locks.get(lease.value)
    const startedMs = this.#clock.now()
    // Never after the own deadline: the script sets absent keys, and would bring a lease back that others may count on.
    if (!lock || startedMs >= lease.deadlineMs) return undefined
    lock.expiration = FAR_FUTURE
    try {
      this.#locks.set(lease.value, await this.#redlock.extend(lock, this.#ttlMs))
    } catch (error) {
      const votes = againstIn(await statsOf(error))
      const minority = this.#nodes.all.length - this.#nodes.majority
      if (votes.filter(isHeld).length > minority) return undefined
      throw error
    }
    return { value: lease.value, deadlineMs: deadlineOf(startedMs, this.#ttlMs) }
  }

  async release(lease: Lease, reason?: ChangeReason): Promise<void> {
    const lock = this.#locks.get(lease.value)
    if (!lock) return
    this.#locks.delete(lease.value)
    // Redlock answers at the quorum; a renewal that is still on its way to a node would re-create the key behind us.
    await Promise.all(lock.attempts)
    const releasing = this.#redlock.release(lock)
    remember(this.#leftovers, lock, MAX_LEFTOVERS)
    void this.#freedBy(releasing, lock)
    await releasing
    this.#announce({ kind: 'vacant', reason, heir: undefined })
  }

  guard(lease: Lease, gaveBack: () => void): LeaseGuard {
    return this.#watch.guard(lease, gaveBack)
  }

  async look(): Promise<LeaseLook> {
    const { all, majority } = this.#nodes
    const freeAtMs: number[] = []
    const votes = all.map(async ({ commands }) => {
      const pttl = await commands.pttl(this.#keys.lease)
      // A point in time: the answers of other nodes may take a while.
      freeAtMs.push(pttl === -1 ? Number.POSITIVE_INFINITY : this.#clock.now() + pttl)
      if (pttl !== -2) throw new Error('held')
    })
    try {
      await quorum(votes, majority)
      return { vacantInMs: 0 } // at once: a node that hangs must not delay a hand-over
    } catch {
      await Promise.allSettled(votes)
    }
    const vacantAtMs = freeAtMs.toSorted((a, b) => a - b)[majority - 1]
    if (vacantAtMs === undefined) throw new Error('No majority of the lease nodes answers')
    return { vacantInMs: Math.max(1, vacantAtMs - this.#clock.now()) }
  }

  isPresent(id: string): Promise<boolean | undefined> {
    return this.#presence.of(id)
  }

  async depose(leaseValue: string, heir: string | undefined): Promise<boolean> {
    const { all } = this.#nodes
    const takenFrom = await Promise.allSettled(
      all.map(({ commands }) => callScript(commands, 'deposeLease', [this.#keys.lease], [leaseValue])),
    )
    const wasThere = takenFrom.some((outcome) => outcome.status === 'fulfilled' && outcome.value === 1)
    if (wasThere) this.#announce({ kind: 'vacant', reason: 'deposed', heir })
    return wasThere
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
    this.#nodes.close()
    await this.#watch.close()
  }

  /** A node is back. Without this, one that had hung would be held for another lease time by a lease that is over. */
  #giveBackLeftovers(): void {
    for (const lock of this.#leftovers) {
      void this.#freedBy(this.#redlock.release(lock), lock).then(
        (freed) => freed && this.#announce({ kind: 'vacant', reason: undefined, heir: undefined }),
      )
    }
  }

  /** Whether a release has freed any node; forgets the lock once every node has answered. */
  async #freedBy(releasing: Promise<Operation>, lock: Lock): Promise<boolean> {
    const stats = await statsOf(await releasing.catch((error: unknown) => error))
    if (againstIn(stats).every(isHeld)) this.#leftovers.delete(lock)
    return stats.some(({ votesFor }) => votesFor.size > 0)
  }

  /** A lost notice costs time, not safety: the others look at the lease when it should have run out. */
  #announce(notice: LeaseNotice): void {
    for (const { commands } of this.#nodes.all)
      commands.publish(this.#keys.leaseNotices, noticeText(notice)).catch(() => {})
  }
}

/** What each node has said to an operation, or to one that failed, once every node has answered. */
function statsOf(operation: unknown): Promise<ExecutionStats[]> {
  return Promise.all((operation as Partial<Operation>).attempts ?? [])
}

function againstIn(stats: readonly ExecutionStats[]): Error[] {
  return stats.flatMap(({ votesAgainst }) => [...votesAgainst.values()])
}

/** A vote against because somebody else holds the lease, not because the node could not be asked. */
function isHeld(vote: Error): boolean {
  return vote.name === 'ResourceLockedError'
}

import Redlock, { type ExecutionStats, type Lock } from 'redlock'
import type { Clock } from '../clock.js'
import { type Lease, type LeaseLook, type LeaseStore, marginOf } from '../elect/lease.js'
import type { ResolvedOptions } from '../options.js'
import { commandOptions, createClient, subscriberOptions } from './connections.js'
import type { Keys } from './keys.js'
import { LeaseNode } from './lease-node.js'
import { LeaseNodes, quorum } from './lease-nodes.js'
import { scripts } from './scripts.generated.js'

/** Beyond any clock: redlock compares a lock's expiration with the wall clock, and would give up when that jumps. */
const FAR_FUTURE = Number.MAX_SAFE_INTEGER

/**
 * The lease by Redlock (Antirez, "Distributed Locks with Redis"), as a one-shot primitive: one attempt a call, no
 * retries and no timers of its own. Deadlines are ours, monotonic, and counted from before the request was sent.
 */
export class RedlockLeaseStore implements LeaseStore {
  readonly #nodes: LeaseNodes
  readonly #redlock: Redlock
  readonly #keys: Keys
  readonly #ttlMs: number
  readonly #clock: Clock
  /** Locks by their value: redlock wants its own objects back. */
  readonly #locks = new Map<string, Lock>()
  #listener: (notice: 'vacant' | 'taken') => void = () => {}

  constructor(parts: {
    options: ResolvedOptions
    keys: Keys
    warn: (code: string, message: string) => void
    clock: Clock
  }) {
    const { options, keys, warn, clock } = parts
    const name = `leasehold:${options.group}:${options.name}:lease`
    const duty = commandOptions(Math.floor(options.leaseTtlMs / 5))
    const nodes = options.leaseRedis.map((target) => {
      const notices = createClient(target, subscriberOptions(), `${name}-notices`)
      return new LeaseNode(createClient(target, duty, name), notices, clock)
    })
    this.#nodes = new LeaseNodes(nodes, warn)
    const clients = nodes.map(({ commands }) => commands)
    this.#redlock = new Redlock(clients, { retryCount: 0 }, { extendScript: () => scripts.renewLease })
    this.#redlock.on('error', () => {}) // each shows in the vote that it cost
    this.#keys = keys
    this.#ttlMs = options.leaseTtlMs
    this.#clock = clock
  }

  async open(signal: AbortSignal): Promise<void> {
    for (const { notices } of this.#nodes.all) {
      notices.on('message', (_channel, notice) => {
        if (notice === 'vacant' || notice === 'taken') this.#listener(notice)
      })
      // A subscriber that comes up later subscribes then; until it does, the lease is looked at in time all the same.
      const subscribe = () => void notices.subscribe(this.#keys.leaseNotices).catch(() => {})
      notices.on('ready', subscribe)
    }
    await this.#nodes.open(signal)
  }

  async acquire(): Promise<Lease | undefined> {
    const startedMs = this.#clock.now()
    let lock: Lock
    try {
      lock = await this.#redlock.acquire([this.#keys.lease], this.#ttlMs)
    } catch (error) {
      if ((await votesOf(error)).some(isHeld)) return undefined
      throw error
    }
    this.#locks.set(lock.value, lock)
    const lease = { value: lock.value, deadlineMs: this.#deadline(startedMs) }
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
      const votes = await votesOf(error)
      const minority = this.#nodes.all.length - this.#nodes.majority
      if (votes.filter(isHeld).length > minority) return undefined
      throw error
    }
    return { value: lease.value, deadlineMs: this.#deadline(startedMs) }
  }

  async release(lease: Lease): Promise<void> {
    const lock = this.#locks.get(lease.value)
    if (!lock) return
    this.#locks.delete(lease.value)
    // Redlock answers at the quorum; a renewal that is still on its way to a node would re-create the key behind us.
    await Promise.all(lock.attempts)
    await this.#redlock.release(lock)
    this.#announce('vacant')
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

  announceLeader(): void {
    this.#announce('taken')
  }

  onNotice(listener: (notice: 'vacant' | 'taken') => void): void {
    this.#listener = listener
  }

  async close(): Promise<void> {
    this.#listener = () => {}
    this.#nodes.close()
  }

  /** A lost notice costs time, not safety: the others look at the lease when it should have run out. */
  #announce(notice: 'vacant' | 'taken'): void {
    for (const { commands } of this.#nodes.all)
      commands.publish(this.#keys.leaseNotices, notice).catch(() => {})
  }

  #deadline(startedMs: number): number {
    return startedMs + this.#ttlMs - marginOf(this.#ttlMs)
  }
}

/** The votes against that a failed operation met, once every node has answered. */
async function votesOf(error: unknown): Promise<Error[]> {
  const attempts = (error as { attempts?: readonly Promise<ExecutionStats>[] }).attempts ?? []
  const stats = await Promise.all(attempts)
  return stats.flatMap(({ votesAgainst }) => [...votesAgainst.values()])
}

/** A vote against because somebody else holds the lease, not because the node could not be asked. */
function isHeld(vote: Error): boolean {
  return vote.name === 'ResourceLockedError'
}

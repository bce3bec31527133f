import type { Redis } from 'ioredis'
import Redlock, { type ExecutionStats, type Lock } from 'redlock'
import type { Clock } from '../clock.js'
import { type Lease, type LeaseLook, type LeaseStore, marginOf } from '../elect/lease.js'
import type { ResolvedOptions } from '../options.js'
import { checkAccess, leaseNeeds } from './access.js'
import { commandOptions, connect, createClient, disconnect, subscriberOptions } from './connections.js'
import type { Keys } from './keys.js'
import { checkLeaseNode } from './server-checks.js'
import { scripts } from './scripts.generated.js'

/** Beyond any clock: redlock compares a lock's expiration with the wall clock, and would give up when that jumps. */
const FAR_FUTURE = Number.MAX_SAFE_INTEGER

/**
 * The lease by Redlock (Antirez, "Distributed Locks with Redis"), as a one-shot primitive: one attempt a call, no
 * retries and no timers of its own. Deadlines are ours, monotonic, and counted from before the request was sent.
 */
export class RedlockLeaseStore implements LeaseStore {
  readonly #nodes: readonly Redis[]
  readonly #subscribers: readonly Redis[]
  readonly #redlock: Redlock
  readonly #keys: Keys
  readonly #ttlMs: number
  readonly #clock: Clock
  /** Locks by their value: redlock wants its own objects back. */
  readonly #locks = new Map<string, Lock>()
  #listener: (notice: 'vacant' | 'taken') => void = () => {}

  constructor(options: ResolvedOptions, keys: Keys, clock: Clock) {
    const name = `leasehold:${options.group}:${options.name}:lease`
    const timeoutMs = Math.floor(options.leaseTtlMs / 5)
    this.#nodes = options.leaseRedis.map((target) => createClient(target, commandOptions(timeoutMs), name))
    this.#subscribers = options.leaseRedis.map((target) =>
      createClient(target, subscriberOptions(), `${name}-notices`),
    )
    this.#redlock = new Redlock(this.#nodes, { retryCount: 0 }, { extendScript: () => scripts.renewLease })
    this.#redlock.on('error', () => {}) // each shows in the vote that it cost
    this.#keys = keys
    this.#ttlMs = options.leaseTtlMs
    this.#clock = clock
  }

  async open(signal: AbortSignal): Promise<void> {
    for (const subscriber of this.#subscribers) {
      subscriber.on('message', (_channel, notice) => {
        if (notice === 'vacant' || notice === 'taken') this.#listener(notice)
      })
      // A subscriber that comes up later subscribes then; until it does, the lease is looked at in time all the same.
      const subscribe = () => void subscriber.subscribe(this.#keys.leaseNotices).catch(() => {})
      subscriber.on('ready', subscribe)
    }
    await Promise.all([
      quorum(
        this.#nodes.map((node) => connect(node, signal)),
        this.#majority,
      ),
      quorum(
        this.#subscribers.map((node) => connect(node, signal)),
        this.#majority,
      ),
    ])
    const reached = this.#nodes.filter((node) => node.status === 'ready')
    await Promise.all(
      reached.flatMap((node) => [checkLeaseNode(node), checkAccess(node, leaseNeeds(this.#keys))]),
    )
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
      const minority = this.#nodes.length - this.#majority
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
    const answers = await Promise.allSettled(this.#nodes.map((node) => node.pttl(this.#keys.lease)))
    const free = answers.map((answer) => (answer.status === 'fulfilled' ? freeIn(answer.value) : undefined))
    const known = free.filter((ms) => ms !== undefined).toSorted((a, b) => a - b)
    const vacantInMs = known[this.#majority - 1]
    if (vacantInMs === undefined) throw new Error('No majority of the lease nodes answers')
    return { vacantInMs }
  }

  announceLeader(): void {
    this.#announce('taken')
  }

  onNotice(listener: (notice: 'vacant' | 'taken') => void): void {
    this.#listener = listener
  }

  async close(): Promise<void> {
    this.#listener = () => {}
    for (const client of [...this.#nodes, ...this.#subscribers]) disconnect(client)
  }

  /** A lost notice costs time, not safety: the others look at the lease when it should have run out. */
  #announce(notice: 'vacant' | 'taken'): void {
    for (const node of this.#nodes) node.publish(this.#keys.leaseNotices, notice).catch(() => {})
  }

  get #majority(): number {
    return Math.floor(this.#nodes.length / 2) + 1
  }

  #deadline(startedMs: number): number {
    return startedMs + this.#ttlMs - marginOf(this.#ttlMs)
  }
}

/** Milliseconds until a node is free of the lease, from its answer to PTTL. */
function freeIn(pttl: number): number {
  if (pttl === -2) return 0
  return pttl === -1 ? Number.POSITIVE_INFINITY : Math.max(1, pttl)
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

/** Resolves when `needed` of the promises have; rejects as soon as that cannot happen any more. */
async function quorum(promises: readonly Promise<unknown>[], needed: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let successes = 0
    let failures = 0
    for (const promise of promises) {
      promise.then(
        () => ++successes === needed && resolve(),
        (error: unknown) => ++failures > promises.length - needed && reject(error as Error),
      )
    }
  })
}

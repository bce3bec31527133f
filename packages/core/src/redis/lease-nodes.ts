import { LeaseholdError, OptionsError } from '../errors.js'
import type { Warn } from '../events.js'
import { checkAccess, type Needs } from './access.js'
import { connect } from './connections.js'
import type { LeaseNode } from './lease-node.js'
import { checkLeaseNode, runIdOf } from './server-checks.js'

/** The servers that hold the lease, of which a majority is enough. Says what is wrong with the others. */
export class LeaseNodes {
  readonly all: readonly LeaseNode[]
  readonly #needs: Needs
  readonly #warn: Warn
  readonly #runIds = new Map<LeaseNode, string>()
  /** What has been said of nodes that are in reach. */
  readonly #faults = new Map<LeaseNode, string>()
  #opened = false

  /** @param needs what an instance must be allowed on each. */
  constructor(all: readonly LeaseNode[], needs: Needs, warn: Warn) {
    this.all = all
    this.#needs = needs
    this.#warn = warn
  }

  get majority(): number {
    return Math.floor(this.all.length / 2) + 1
  }

  /**
   * Connects. Resolves with a majority; what is wrong with nodes that join later is a warning.
   *
   * @param onReached called whenever a node can be reached, for the first time or again.
   * @throws LeaseholdError `REDIS_UNREACHABLE` without a majority when `signal` aborts; `REDIS_UNSUPPORTED` if a node may
   * evict the lease, `REDIS_FORBIDDEN` if it refuses what an instance does.
   * @throws OptionsError if two nodes are the same server.
   */
  async open(signal: AbortSignal, onReached: () => void): Promise<void> {
    const commands = this.all.map((node) => {
      const reached = () => {
        onReached()
        if (this.#opened) void this.#checkLate(node)
      }
      return node.open({ reached, lost: (why) => this.#lost(node, why) }, signal)
    })
    const notices = this.all.map((node) => connect(node.notices, signal))
    const presences = this.all.map((node) => connect(node.presence, signal))
    await Promise.all([commands, notices, presences].map((some) => quorum(some, this.majority)))
    // What is wrong with them must not hang on which of them answered first.
    await Promise.all(this.all.map((node) => node.asked))
    this.#opened = true
    await Promise.all(this.#inReach.map((node) => this.#check(node)))
  }

  close(): void {
    for (const node of this.all) node.close()
  }

  async #check(node: LeaseNode): Promise<void> {
    try {
      await checkLeaseNode(node.commands, node.place)
      await checkAccess(node.commands, this.#needs)
      const runId = await runIdOf(node.commands)
      if (runId === undefined) return
      this.#runIds.set(node, runId)
      const twins = this.#inReach.filter((other) => this.#runIds.get(other) === runId)
      if (twins.length > 1) throw this.#sameServer(twins)
    } catch (error) {
      if (error instanceof LeaseholdError) throw error
      // It is away again, and is looked at when it is back.
    }
  }

  async #checkLate(node: LeaseNode): Promise<void> {
    try {
      await this.#check(node)
      this.#faults.delete(node)
    } catch (error) {
      const { code, message } = error as LeaseholdError
      if (this.#faults.get(node) === message) return
      this.#faults.set(node, message)
      this.#warn(code, message)
    }
  }

  #lost({ place }: LeaseNode, why: string): void {
    const counts = `${this.#inReach.length} of ${this.all.length} nodes can, ${this.majority} are needed`
    this.#warn('LEASE_NODE_UNREACHABLE', `The lease node at ${place} cannot be reached: ${why}; ${counts}.`)
  }

  #sameServer(twins: readonly LeaseNode[]): OptionsError {
    const names = twins.map((node) => `lease.redis[${this.all.indexOf(node)}]`).join(' and ')
    const places = twins.map(({ place }) => place).join(' and ')
    return new OptionsError([
      `${names} are one server (${places}): its votes would not be those of a majority`,
    ])
  }

  get #inReach(): readonly LeaseNode[] {
    return this.all.filter((node) => node.inReach)
  }
}

/** Resolves when `needed` of the promises have; rejects as soon as that cannot happen any more. */
export async function quorum(promises: readonly Promise<unknown>[], needed: number): Promise<void> {
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

import type { Redis } from 'ioredis'
import type { Clock } from '../clock.js'
import { createDeferred } from '../deferred.js'
import { ConnectTrouble } from './connect-trouble.js'
import { connect, placeOf } from './connections.js'

/** How long a node may be away before somebody is told. A restart takes less. */
const UNREACHABLE_AFTER_MS = 1000

/** What a node tells whoever uses it. */
export interface LeaseNodeListener {
  /** It can be reached, for the first time or again. */
  reached(): void
  /** It could not be reached for a while. Told once, until it is back. */
  lost(why: string): void
}

/**
 * One of the servers that hold the lease: a connection for commands, one for notices, one that says that this process
 * lives, and an eye on whether the server is there.
 * While a minority is away the lease does not suffer, and nothing else would show it until the next one goes.
 */
export class LeaseNode {
  readonly commands: Redis
  readonly notices: Redis
  readonly presence: Redis
  readonly #clock: Clock
  readonly #asked = createDeferred<void>()
  #trouble: ConnectTrouble
  #cancelTimer: (() => void) | undefined
  #told = false
  #closed = false

  constructor(connections: { commands: Redis; notices: Redis; presence: Redis }, clock: Clock) {
    const { commands, notices, presence } = connections
    this.commands = commands
    this.notices = notices
    this.presence = presence
    this.#clock = clock
    this.#trouble = new ConnectTrouble(commands.options)
  }

  /** Where it is, fit for messages. */
  get place(): string {
    return placeOf(this.commands.options)
  }

  /** Whether it can be reached, as far as is known. */
  get inReach(): boolean {
    return this.commands.status === 'ready'
  }

  /** Resolves when it has been reached, or the first attempt has failed. Never rejects. */
  get asked(): Promise<void> {
    return this.#asked.promise
  }

  /** Connects, and goes on watching. Resolves when it takes commands; rejects when `signal` aborts before. */
  async open(listener: LeaseNodeListener, signal: AbortSignal): Promise<void> {
    this.commands
      .on('error', (error) => this.#trouble.add(error))
      .on('close', () => this.#away(listener))
      .on('ready', () => this.#reached(listener))
    this.#watch(listener)
    await connect(this.commands, signal)
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#asked.resolve()
    for (const client of [this.commands, this.notices, this.presence]) client.disconnect()
  }

  #reached(listener: LeaseNodeListener): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#told = false
    this.#trouble = new ConnectTrouble(this.commands.options)
    this.#asked.resolve()
    listener.reached()
  }

  #away(listener: LeaseNodeListener): void {
    this.#asked.resolve()
    this.#watch(listener)
  }

  #watch(listener: LeaseNodeListener): void {
    if (this.#closed || this.#told || this.#cancelTimer) return
    this.#cancelTimer = this.#clock.timer(UNREACHABLE_AFTER_MS, () => {
      this.#cancelTimer = undefined
      this.#told = true
      this.#asked.resolve()
      listener.lost(this.#trouble.why)
    })
  }
}

import type { Clock } from '../clock.js'
import type { Member } from '../elect/members.js'
import type { LeaderChange } from '../events.js'
import type { TermRow } from '../log/history.js'
import type { SnapshotRef } from '../log/log-store.js'
import type { RangeNotice } from '../replicate/job-transport.js'

/** Wall-clock time of the server when virtual time begins: terms are milliseconds of 13 digits. */
const DAWN_MS = 1_800_000_000_000

/** An entry as it stands in the log. */
export interface StoredEntry {
  readonly index: number
  readonly term: number
  readonly timeMs: number
  readonly data: string
}

/** What the hash `meta` holds. */
export interface Meta {
  app?: string
  appVersion?: number
  secret?: string
  previousSecret?: string
  nextSecret?: string
  secretVersion?: string
  logId?: string
  term?: number
  nonce?: string
  leader?: string
  url?: string | undefined
  publicUrl?: string | undefined
  lease?: string
  reason?: LeaderChange['reason']
  leaderChanges?: number
  head?: number
  headTerm?: number
  timeMs?: number
  first?: number
  replId?: string
  seed?: string
  snapshot?: SnapshotRef | undefined
  snapshotBefore?: SnapshotRef | undefined
  /** 0: until it is ended. */
  pausedUntilMs?: number
  heir?: string
  heirUntilMs?: number
  switchover?: { id: string; to: string; from: string; untilMs: number; outcome: string }
}

/** Everything that a Redis has of a group. */
export interface MemoryData {
  meta: Meta
  entries: StoredEntry[]
  terms: TermRow[]
  members: Map<string, { timeMs: number; record: Member }>
  changes: LeaderChange[]
  snapshots: Map<string, { fields: Map<string, string>; expiresMs: number }>
  lease: { value: string; expiresMs: number } | undefined
  /** By instance, then by the job's id. */
  jobs: Map<string, Map<string, RangeNotice>>
}

/** Whoever is connected: told when the server is gone, and what is published. */
export interface Subscriber {
  broken(): void
  message(channel: string, text: string): void
}

/**
 * What a Redis server is to a group, in memory: what it stores, its clock, who is connected and subscribed. What the Lua
 * scripts do stands in the stores; each runs in one step here, too.
 */
export class MemoryRedis {
  readonly #world: Clock
  readonly #connections = new Set<Subscriber>()
  readonly #subscriptions = new Map<string, Set<Subscriber>>()
  #data = emptyData()
  #replId = ''
  #startedMs = 0
  #down = false

  constructor(world: Clock) {
    this.#world = world
    this.#boot()
  }

  get data(): MemoryData {
    return this.#data
  }

  /** Changes with every life of the server. */
  get replId(): string {
    return this.#replId
  }

  /** The server's clock, in ms since 1970. */
  get timeMs(): number {
    return DAWN_MS + Math.floor(this.#world.now())
  }

  get ageMs(): number {
    return Math.floor((this.#world.now() - this.#startedMs) / 1000) * 1000
  }

  get down(): boolean {
    return this.#down
  }

  /** Text that nobody else draws, the same for the same seed. */
  unique(): string {
    return Array.from({ length: 4 }, () =>
      Math.floor(this.#world.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('')
  }

  connect(connection: Subscriber): void {
    this.#connections.add(connection)
  }

  disconnect(connection: Subscriber): void {
    this.#connections.delete(connection)
    for (const subscribers of this.#subscriptions.values()) subscribers.delete(connection)
  }

  subscribe(connection: Subscriber, channel: string): void {
    const subscribers = this.#subscriptions.get(channel) ?? new Set()
    if (this.#connections.has(connection)) subscribers.add(connection)
    this.#subscriptions.set(channel, subscribers)
  }

  unsubscribe(connection: Subscriber, channel: string): void {
    this.#subscriptions.get(channel)?.delete(connection)
  }

  publish(channel: string, text: string): void {
    for (const subscriber of this.#subscriptions.get(channel) ?? []) subscriber.message(channel, text)
  }

  isSubscribed(channel: string): boolean {
    return (this.#subscriptions.get(channel)?.size ?? 0) > 0
  }

  /** Channels with this prefix that somebody is subscribed to. */
  channels(prefix: string): string[] {
    return [...this.#subscriptions.keys()].filter(
      (channel) => channel.startsWith(prefix) && this.isSubscribed(channel),
    )
  }

  /** FLUSHALL: everything is gone but the connections. */
  wipe(): void {
    this.#data = emptyData()
  }

  /** A copy of everything that is stored. */
  save(): MemoryData {
    return structuredClone(this.#data)
  }

  /** The server dies; whatever is connected loses its connection. */
  stop(): void {
    this.#down = true
    const lost = [...this.#connections]
    this.#connections.clear()
    this.#subscriptions.clear()
    for (const connection of lost) connection.broken()
  }

  /** Starts again after `stop`, with what it had, or with what was saved: a new life of the server either way. */
  start(data: MemoryData = this.#data): void {
    this.#data = structuredClone(data)
    this.#down = false
    this.#boot()
  }

  #boot(): void {
    this.#replId = this.unique()
    this.#startedMs = this.#world.now()
  }
}

/** What a Redis has that has nothing. */
function emptyData(): MemoryData {
  return {
    meta: {},
    entries: [],
    terms: [],
    members: new Map(),
    changes: [],
    snapshots: new Map(),
    lease: undefined,
    jobs: new Map(),
  }
}

import type { Redis } from 'ioredis'
import type { AddressSettings } from './address.js'
import type { ClusterSettings, ServerAddress } from './cluster-target.js'
import { QuietRedis } from './quiet-redis.js'

/** How long one server may take to say who has the slot. */
const ANSWER_WITHIN_MS = 1000
/** From server to server: one that is behind may name one that is, too. */
const MAX_HOPS = 4

/** A connection that follows the slot. */
export interface SlotFollower {
  /** Where it is connected to. */
  readonly at: ServerAddress | undefined
  /** Ends its connection; whoever made it makes another one. */
  disconnect(): void
}

/** Who has the slot, as it says of itself, and who could take its place. */
interface Holders {
  readonly owner: ServerAddress
  readonly others: readonly ServerAddress[]
}

/** The server that has the range comes first, then those that hold copies of it. */
type SlotRange = [
  first: number,
  last: number,
  ...nodes: [host: string | null, port: number, id: string, more: unknown[]][],
]

/**
 * Where in a Cluster a group is. All its keys are in one slot, so that one server has them all, and a plain connection to
 * that one does: nothing is re-sent behind our back, and a term never reaches a second server.
 *
 * The connections of an instance share one of these. A slot moves by a failover or by hand; the first of them that is told
 * so, or loses its server, asks who has it now, and the others follow. A subscription would never notice by itself.
 */
export class ClusterSlot {
  readonly #settings: ClusterSettings
  readonly #key: string
  readonly #followers = new Set<SlotFollower>()
  /** Servers that had the slot or a copy of it: those that were named at the start may all be gone. */
  #known: readonly ServerAddress[] = []
  #search: Promise<ServerAddress> | undefined
  #asked: Redis[] = []

  /** @param key one of the group's keys: it stands for the slot. */
  constructor(settings: ClusterSettings, key: string) {
    this.#settings = settings
    this.#key = key
  }

  /** How to get into any of its servers. */
  get access(): AddressSettings {
    return this.#settings.access
  }

  /** Fit for messages. */
  get place(): string {
    return `Cluster ${this.#settings.nodes.map(textOf).join(', ')}`
  }

  /** From now on it is told when the slot has moved. */
  join(follower: SlotFollower): void {
    this.#followers.add(follower)
  }

  leave(follower: SlotFollower): void {
    this.#followers.delete(follower)
    if (this.#followers.size === 0) this.#endSearch()
  }

  /**
   * The server that has the slot, by its own word. Those who ask at the same time get the same answer.
   *
   * @throws Error that says what each server answered, if none has it.
   */
  async find(): Promise<ServerAddress> {
    this.#search ??= this.#find().finally(() => {
      this.#search = undefined
    })
    return this.#search
  }

  async #find(): Promise<ServerAddress> {
    const servers = new Map([...this.#known, ...this.#settings.nodes].map((at) => [textOf(at), at]))
    try {
      const { owner, others } = await Promise.any(
        Array.from(servers.values(), (server) => this.#follow(server, MAX_HOPS)),
      )
      this.#known = [owner, ...others]
      for (const follower of this.#followers)
        if (follower.at && textOf(follower.at) !== textOf(owner)) follower.disconnect()
      return owner
    } catch (error) {
      const whys = (error as AggregateError).errors.map((why: Error) => why.message)
      throw new Error(`no server of the ${this.place} has the slot: ${[...new Set(whys)].join('; ')}`, {
        cause: error,
      })
    } finally {
      this.#endSearch()
    }
  }

  /** From server to server, until one has the slot itself. */
  async #follow(at: ServerAddress, hops: number): Promise<Holders> {
    if (hops === 0) throw new Error('its servers do not agree')
    const answer = await this.#ask(at)
    return 'owner' in answer ? answer : this.#follow(answer, hops - 1)
  }

  async #ask(at: ServerAddress): Promise<Holders | ServerAddress> {
    const client = new QuietRedis({
      ...this.access,
      ...at,
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      connectTimeout: ANSWER_WITHIN_MS,
      commandTimeout: ANSWER_WITHIN_MS,
      disconnectTimeout: 100,
    })
    client.on('error', () => {}) // trouble shows in the commands
    this.#asked.push(client)
    try {
      await client.connect()
      const [mine, id, ranges] = await Promise.allSettled([
        client.exists(this.#key),
        client.cluster('MYID'),
        client.cluster('SLOTS') as Promise<SlotRange[]>,
      ])
      const elsewhere = mine.status === 'rejected' ? this.#movedTo(mine.reason as Error, at) : undefined
      if (elsewhere) return elsewhere
      // Both may be forbidden: then it is taken at the address at which it has answered.
      return id.status === 'fulfilled' && ranges.status === 'fulfilled'
        ? this.#holders(id.value, ranges.value, at)
        : { owner: at, others: [] }
    } catch (error) {
      throw new Error(`${textOf(at)}: ${(error as Error).message}`, { cause: error })
    } finally {
      client.disconnect()
    }
  }

  /** Undefined if the refusal itself says that the slot is here; a key of it may have been moved ahead (ASK). */
  #movedTo(refusal: Error, asked: ServerAddress): ServerAddress | undefined {
    const [kind, , address = ''] = refusal.message.split(' ')
    if (kind === 'ASK' || kind === 'TRYAGAIN') return undefined
    if (kind !== 'MOVED') throw refusal
    const colon = address.lastIndexOf(':')
    return this.#reached(address.slice(0, colon), Number(address.slice(colon + 1)), asked)
  }

  /** By the names that they give themselves, or one server would be two: who asks may come through any name. */
  #holders(id: string, ranges: readonly SlotRange[], asked: ServerAddress): Holders {
    const nodes = ranges.filter(([, , owner]) => owner?.[2] === id).flatMap(([, , ...holders]) => holders)
    const [owner = asked, ...others] = nodes.map(([host, port]) => this.#reached(host ?? '', port, asked))
    return { owner, others }
  }

  /** Where a server is reached that another one has named; without a host it is the host of who was asked. */
  #reached(host: string, port: number, asked: ServerAddress): ServerAddress {
    const { natMap } = this.#settings
    const named = { host: host === '' || host === '?' ? asked.host : host, port }
    const mapped = typeof natMap === 'function' ? natMap(textOf(named)) : natMap?.[textOf(named)]
    return mapped ?? named
  }

  #endSearch(): void {
    for (const client of this.#asked.splice(0)) client.disconnect()
  }
}

function textOf({ host, port }: ServerAddress): string {
  return `${host}:${port}`
}

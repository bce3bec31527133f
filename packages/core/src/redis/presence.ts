import type { Redis } from 'ioredis'
import { remember } from '../remember.js'
import type { Keys } from './keys.js'
import { type LeaseNodes, quorum } from './lease-nodes.js'

/** Instances that a connection remembers to have seen: those of now, and of the last restarts. */
const MAX_SEEN = 1000

/**
 * Whose process lives, by subscriptions: Redis drops those of a process in the moment in which it dies, since its operating
 * system closes its connections. A process that stands still, and a host that is lost, keep theirs.
 */
export class Presence {
  readonly #nodes: LeaseNodes
  readonly #keys: Keys
  readonly #selfId: string
  /** Of each connection, whose presence it has seen since it stands. */
  readonly #seen = new WeakMap<Redis, Set<string>>()

  constructor(nodes: LeaseNodes, keys: Keys, selfId: string) {
    this.#nodes = nodes
    this.#keys = keys
    this.#selfId = selfId
  }

  /** Has this process be seen on every node from when it is connected; called before. */
  announce(): void {
    for (const { presence, notices, commands } of this.#nodes.all) {
      // On two connections: that one of them is killed by hand, or for its full buffer, says nothing.
      for (const client of [presence, notices]) {
        client.on('ready', () => void client.subscribe(this.#keys.presence(this.#selfId)).catch(() => {}))
      }
      // When a server goes, all subscriptions go at once: that says nothing of anybody.
      commands.on('close', () => this.#seen.delete(commands))
    }
  }

  /** See `LeaseStore.isPresent`. */
  async of(id: string): Promise<boolean | undefined> {
    const { all, majority } = this.#nodes
    const signs = all.map(({ commands }) => this.#signOn(commands, id))
    const agree = (wanted: boolean) =>
      signs.map(async (sign) => {
        if ((await sign) !== wanted) throw new Error('another sign')
      })
    // As soon as a majority agrees: a node that hangs must not delay a failover.
    return Promise.any([true, false].map((sign) => quorum(agree(sign), majority).then(() => sign))).catch(
      () => undefined,
    )
  }

  #note(commands: Redis, id: string): void {
    const seen = this.#seen.get(commands) ?? new Set<string>()
    remember(seen, id, MAX_SEEN)
    this.#seen.set(commands, seen)
  }

  async #signOn(commands: Redis, id: string): Promise<boolean | undefined> {
    try {
      const [, count] = (await commands.pubsub('NUMSUB', this.#keys.presence(id))) as [string, number]
      if (count > 0) {
        this.#note(commands, id)
        return true
      }
      return this.#seen.get(commands)?.has(id) ? false : undefined
    } catch {
      return undefined // out of reach: nothing can be said
    }
  }
}

/** Ids of all instances whose presence this server has. */
export async function presentOn(client: Redis, { anyPresence, presence }: Keys): Promise<string[]> {
  const channels = (await client.pubsub('CHANNELS', anyPresence)) as string[]
  return channels.map((channel) => channel.slice(presence('').length))
}

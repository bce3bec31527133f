import { setTimeout as sleep } from 'node:timers/promises'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { ExpressAdapter } from '@bull-board/express'
import type { JobQueue, MemberStatus } from '@leasehold/core'
import { Queue } from 'bullmq'
import type { Router } from 'express'
import { Redis } from 'ioredis'

/** What is asked about the queues: a `ReplicatedNode`. */
export interface QueueSource {
  readonly group: string
  queues(): Promise<JobQueue[]>
}

/** A queue on the board. */
interface Shown {
  readonly queue: Queue
  readonly adapter: BullMQAdapter
  readonly title: string
}

/**
 * Bull-board on the replication queues of a group, to look at. There is a queue for each follower and boot, so they come
 * and go: the board follows them until it is closed.
 */
export class QueueBoard {
  readonly router: Router
  readonly #source: QueueSource
  readonly #redis: Redis
  readonly #board: ReturnType<typeof createBullBoard>
  readonly #shown = new Map<string, Shown>()
  readonly #over = new AbortController()
  readonly #following: Promise<void>

  /** `path` is where the router will be mounted. */
  constructor(parts: { source: QueueSource; redis: string; path: string; everyMs: number }) {
    this.#source = parts.source
    this.#redis = new Redis(parts.redis)
    this.#redis.on('error', () => {}) // it connects again; meanwhile the board says that it cannot
    const serverAdapter = new ExpressAdapter().setBasePath(parts.path)
    this.#board = createBullBoard({
      queues: [],
      serverAdapter,
      options: { uiConfig: { boardTitle: `Leasehold: ${parts.source.group}` } },
    })
    this.router = serverAdapter.getRouter() as Router
    this.#following = this.#follow(parts.everyMs)
  }

  async close(): Promise<void> {
    this.#over.abort()
    await this.#following
    await Promise.all([...this.#shown.values()].map(({ queue }) => queue.close()))
    this.#redis.disconnect()
  }

  async #follow(everyMs: number): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted) {
      try {
        this.#show(await this.#source.queues())
      } catch {
        // Redis is out of reach: what was known stays on the board.
      }
      await sleep(everyMs, undefined, { signal }).catch(() => {})
    }
  }

  /** The leader hears of nothing, so it has nothing to show. */
  #show(queues: readonly JobQueue[]): void {
    const present = queues.filter(({ member }) => member.role !== 'leader')
    const titles = new Map(present.map(({ name, member }) => [name, titleOf(member)]))
    for (const [name, { queue, adapter, title }] of this.#shown) {
      if (titles.get(name) === title) continue
      this.#board.removeQueue(adapter)
      this.#shown.delete(name)
      queue.close().catch(() => {})
    }
    for (const { name, prefix, member } of present)
      if (!this.#shown.has(name)) this.#add(name, prefix, member)
  }

  #add(name: string, prefix: string, member: MemberStatus): void {
    // A queue that is only looked at must not be written to: it would come back after its instance has gone.
    const queue = new Queue(name, { prefix, connection: this.#redis, skipMetasUpdate: true })
    queue.on('error', () => {})
    const title = titleOf(member)
    const adapter = new BullMQAdapter(queue, {
      readOnlyMode: true,
      displayName: title,
      description: `${member.url ?? 'no url'} · ${name}`,
    })
    this.#board.addQueue(adapter)
    this.#shown.set(name, { queue, adapter, title })
  }
}

/** What people know an instance by. */
function titleOf({ name, role, alive }: MemberStatus): string {
  return `${name} (${alive ? role : 'silent'})`
}

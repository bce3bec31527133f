import { isForgotten, isGone, type MemberStore, type MemberView } from '../elect/members.js'
import type { Logger } from '../observe/logger.js'
import type { JobTransport } from '../replicate/job-transport.js'

/** Queues removed at one heartbeat; the others wait for the next, so that no heartbeat is late. */
const MAX_AT_ONCE = 16

interface SweeperParts {
  readonly members: MemberStore
  readonly transport: JobTransport
  readonly heartbeatMs: number
  readonly logger: Logger
}

/**
 * Sees to it that nothing of dead instances stays in Redis. A leader removes the queue of whoever is gone when it first
 * sees it so, and once more before it removes the record: a job that was under way meanwhile brings the queue back. One
 * that comes later still, from a leader that was paused for long, is cleared away by that leader itself: each instance
 * removes the queues that it has pushed to and that have no record any more. So a queue stays only if such a leader dies
 * between its push and its next heartbeat.
 */
export class Sweeper {
  readonly #parts: SweeperParts
  /** Whom the first sweep of the two is done for. */
  readonly #swept = new Set<string>()

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** After each heartbeat, with all members as it found them. Never rejects: what fails is tried at the next one. */
  async sweep(members: readonly MemberView[], leads: boolean): Promise<void> {
    const { transport, heartbeatMs } = this.#parts
    const gone = leads ? members.filter((member) => isGone(member, heartbeatMs)) : []
    const ids = new Set(gone.map(({ id }) => id))
    for (const id of this.#swept) if (!ids.has(id)) this.#swept.delete(id) // removed, or back to life

    const recorded = new Set(members.map(({ id }) => id))
    const strays = [...transport.pushedTo()].filter((id) => !recorded.has(id))
    const work = [
      ...strays.map((id) => () => transport.remove(id)),
      ...gone.flatMap((member) => {
        if (!this.#swept.has(member.id)) return [() => this.#first(member.id)]
        return isForgotten(member, heartbeatMs) ? [() => this.#second(member.id)] : []
      }),
    ]
    await Promise.all(work.slice(0, MAX_AT_ONCE).map((remove) => this.#try(remove)))
  }

  async #first(id: string): Promise<void> {
    await this.#parts.transport.remove(id)
    this.#swept.add(id)
  }

  /** The record last: as long as it stands, whoever leads next goes on with it. */
  async #second(id: string): Promise<void> {
    await this.#parts.transport.remove(id)
    await this.#parts.members.remove(id)
  }

  async #try(remove: () => Promise<void>): Promise<void> {
    try {
      await remove()
    } catch (error) {
      this.#parts.logger.debug({ err: error }, 'the queue of an instance that is gone could not be removed')
    }
  }
}

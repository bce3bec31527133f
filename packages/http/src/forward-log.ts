import type { LeaderInfo, Logger } from '@leasehold/core'

/** Tells whoever runs the service why writes do not get through; clients learn less. */
export class ForwardLog {
  readonly #logger: Logger | undefined
  /** What was told last of an unreachable leader: requests try again and again, and all for the same reason. */
  #told: string | undefined

  constructor(logger: Logger | undefined) {
    this.#logger = logger
  }

  /** No connection to the leader came about. Told once for each leader and reason, until one does. */
  unreachable({ id, url }: LeaderInfo, err: Error): void {
    const what = `${id} ${url} ${(err as NodeJS.ErrnoException).code ?? err.message}`
    if (this.#told === what) return
    this.#told = what
    this.#logger?.warn({ leader: id, url, err }, 'the leader cannot be reached')
  }

  /** The leader has answered. */
  reached(): void {
    this.#told = undefined
  }

  /** A request went to the leader, and what became of it is not known. */
  unanswered(requestId: string, { id }: LeaderInfo, err: Error): void {
    this.#logger?.warn({ requestId, leader: id, err }, 'the leader took a request and did not answer it')
  }
}

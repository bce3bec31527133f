import { createHash } from 'node:crypto'
import type { Entry, Since, WINDOW_ONLY } from '../log/entry.js'

/** What a write is known by, so that a repeat of it takes effect once (G6). */
export interface Operation {
  readonly opId: string
  readonly fingerprint: string
  /** See `Entry.since`. */
  readonly since: Entry['since']
}

/** A request that may be sent again, to this instance or to a later leader, and must take effect once. */
export interface RequestIdentity {
  /** The same however often the request is sent. */
  readonly requestId: string
  /** Tells a repeat of the request from another one under the same id: method, path and body, say. */
  readonly fingerprint: string
  /** The head of the log that an instance had seen when the request first arrived there; `WINDOW_ONLY` for a client's own id. */
  readonly since: Since | typeof WINDOW_ONLY
}

/**
 * One run of a request's handler: gives each of its writes an operation id that is the same when the handler runs again,
 * since it counts them. Arguments are not part of an operation: a second run may compute others (a clock, an id), and the
 * first result stands.
 */
export class RequestScope {
  readonly identity: RequestIdentity
  /** Aborts when the request is over; undefined if nobody says so. */
  readonly over: AbortSignal | undefined
  readonly #answers: Promise<unknown>[] = []
  readonly #failures: unknown[] = []
  #writes = 0
  #pending = 0
  #onLateWrite: (() => void) | undefined

  /** @param over aborts when the request has been answered, or nobody waits for an answer any more */
  constructor(identity: RequestIdentity, over?: AbortSignal) {
    this.identity = identity
    this.over = over
  }

  /** Writes that were begun and have no answer yet. */
  get pending(): number {
    return this.#pending
  }

  /** What the writes that failed so far failed with, in the order in which they did. */
  get failures(): readonly unknown[] {
    return this.#failures
  }

  /** The reply is on its way: no write that begins from now on can hold it back. `onLateWrite` is told of each. */
  replyBegan(onLateWrite: () => void): void {
    this.#onLateWrite = onLateWrite
  }

  /** What the next write is known by. Every write counts, whatever becomes of it: a second run makes the same ones. */
  nextOperation(command: string): Operation {
    const { requestId, fingerprint, since } = this.identity
    const opId = `${requestId}.${this.#writes++}`
    return { opId, fingerprint: fingerprintOf(fingerprint, command), since }
  }

  /** A write of this request has begun, and ends with `answer`. */
  began(answer: Promise<unknown>): void {
    this.#onLateWrite?.()
    this.#pending++
    this.#answers.push(
      answer
        .catch((error: unknown) => void this.#failures.push(error))
        .finally(() => {
          this.#pending--
        }),
    )
  }

  /** Resolves when all writes that were begun, also those that nobody awaits, have their answer. */
  async settled(): Promise<void> {
    while (this.#pending > 0) await Promise.all(this.#answers)
  }
}

/** A short digest of the parts, in order. */
export function fingerprintOf(...parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('base64url').slice(0, 16)
}

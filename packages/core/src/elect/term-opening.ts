import type { Clock } from '../clock.js'
import type { LogStore, TermConnection } from '../log/log-store.js'

/** Whoever opened one because it might be needed needs it within this, or not at all. */
const KEPT_MS = 1000

/**
 * A term's connection that is opened before it is certain that it is needed: after a failure every round trip is one that
 * all writes wait for. It claims nothing by itself, and closes unless it is taken soon.
 */
export class TermOpening {
  readonly #connection: Promise<TermConnection>
  readonly #cancelled = new AbortController()
  readonly #cancelTimer: () => void

  constructor(log: Pick<LogStore, 'openTerm'>, clock: Clock) {
    this.#connection = log.openTerm(this.#cancelled.signal)
    this.#connection.catch(() => {}) // whoever takes it hears of it
    this.#cancelTimer = clock.timer(KEPT_MS, () => this.discard())
  }

  /** Whether it can still be taken. */
  get isKept(): boolean {
    return !this.#cancelled.signal.aborted
  }

  /** The connection, once it stands; rejects when `signal` aborts before, or where it cannot be opened. */
  async take(signal: AbortSignal): Promise<TermConnection> {
    this.#cancelTimer()
    const discard = () => this.discard()
    signal.addEventListener('abort', discard, { once: true })
    if (signal.aborted) discard()
    try {
      return await this.#connection
    } finally {
      signal.removeEventListener('abort', discard)
    }
  }

  /** It is not needed. */
  discard(): void {
    this.#cancelTimer()
    this.#cancelled.abort()
    this.#connection.then(
      (connection) => connection.close(),
      () => {},
    )
  }
}

import type { Warn } from '../events.js'
import { describePath, type Hold } from '../replicate/time-slice.js'

/** For how much of a lease a snapshot may hold the event loop at a stretch; renewals come at a third of it. */
const SHARE = 0.1

/** Warns of what in a state is so large that a snapshot holds the event loop for too long, once for each value. */
export class SnapshotHolds {
  readonly #leaseTtlMs: number
  readonly #warn: Warn
  readonly #told = new Set<string>()

  constructor(leaseTtlMs: number, warn: Warn) {
    this.#leaseTtlMs = leaseTtlMs
    this.#warn = warn
  }

  /** A snapshot was taken or loaded, and this was the longest time that it held the loop. */
  held(doing: 'taking' | 'loading', { ms, path, characters }: Hold): void {
    const what = `${doing === 'taking' ? 'Taking' : 'Loading'} a snapshot`
    const where = describePath(path)
    if (ms <= this.#leaseTtlMs * SHARE || this.#told.has(what + where)) return
    this.#told.add(what + where)
    this.#warn(
      'SNAPSHOT_BLOCKS',
      `${what} held the event loop for ${Math.round(ms)} ms at ${where} (a record of ${characters} characters), more than a tenth of lease.ttlMs (${this.#leaseTtlMs} ms): a leader that cannot renew its lease meanwhile may lose it. A large text, or an object with very many keys, cannot be taken in slices: divide it, or raise lease.ttlMs.`,
    )
  }
}

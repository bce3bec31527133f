import type { Applied, Applier } from '../apply/applier.js'
import type { Clock } from '../clock.js'
import type { Entry } from '../log/entry.js'
import type { LogPage, LogStamp, LogStore } from '../log/log-store.js'
import type { Position } from '../position.js'
import { changeOf } from './change-of.js'
import type { ChangesOptions } from './changes.js'
import { ChangeReader } from './change-reader.js'
import { RecentChanges } from './recent-changes.js'

/** Entries that a reader who is behind takes from the log at once. */
const PAGE_ENTRIES = 64

/** The replica whose changes are listed. */
export interface ChangingReplica {
  readonly applier: Pick<Applier, 'position' | 'index' | 'table' | 'find'>
  /** @throws LeaseholdError while nothing can be said of what it shows. */
  assertReadable(): void
  /** Waits until it has applied a position, as a session read does. */
  reach(position: Position): Promise<void>
}

/**
 * Lists what a replica applies to any number of readers, each at its own pace, and without a gap that is not told of (G5).
 * What was applied a moment ago is in memory, once for all of them; whoever is further behind reads the log. So a slow reader
 * costs no memory, and loses nothing as long as the log has it.
 */
export class ChangeFeed {
  readonly replica: ChangingReplica
  readonly clock: Clock
  readonly recent = new RecentChanges()
  readonly #log: Pick<LogStore, 'read'>
  readonly #readers = new Set<ChangeReader>()
  /** Those who wait for something to happen. */
  #resting = new Set<() => void>()
  /** Pages that are being read, by the index that they begin behind: after a failover many ask for the same one. */
  readonly #reading = new Map<number, Promise<LogPage | undefined>>()
  #stamp: LogStamp | undefined
  #lives = 0
  #closed = false

  constructor(parts: { replica: ChangingReplica; log: Pick<LogStore, 'read'>; clock: Clock }) {
    this.replica = parts.replica
    this.clock = parts.clock
    this.#log = parts.log
  }

  /** How often the replica has started over. */
  get lives(): number {
    return this.#lives
  }

  /** How many read. */
  get readers(): number {
    return this.#readers.size
  }

  /** Changes behind `after`, else behind where the replica stands at this call. */
  open(options: ChangesOptions): ChangeReader {
    return new ChangeReader(this, options)
  }

  /** A reader begins. */
  joined(reader: ChangeReader): void {
    if (this.#readers.size === 0) this.recent.restart(this.replica.applier.index)
    this.#readers.add(reader)
    if (this.#closed) reader.end()
  }

  /** A reader has ended: after the last one nothing is kept. */
  left(reader: ChangeReader): void {
    this.#readers.delete(reader)
    if (this.#readers.size === 0) this.recent.restart(this.replica.applier.index)
  }

  /** The replica has applied an entry. Costs nothing while nobody reads. */
  applied(entry: Entry, applied: Applied): void {
    if (this.#readers.size === 0) return
    const { change, bytes } = changeOf(entry, applied, this.replica.applier.position.logId)
    this.recent.add(change, bytes)
    this.#wakeAll()
  }

  /** The replica has loaded a snapshot, or forgotten everything. */
  startedOver(): void {
    this.#lives++
    this.recent.restart(this.replica.applier.index)
    this.#wakeAll()
  }

  /** The instance stops: everybody has read enough. */
  close(): void {
    this.#closed = true
    for (const reader of this.#readers) reader.end()
  }

  /** The log behind `after`; undefined if it could not be read. */
  page(after: number): Promise<LogPage | undefined> {
    let page = this.#reading.get(after)
    if (!page) {
      page = this.#read(after).finally(() => this.#reading.delete(after))
      this.#reading.set(after, page)
    }
    return page
  }

  /** Calls `wake` once when something has happened; the returned function takes that back. */
  onceChanged(wake: () => void): () => void {
    this.#resting.add(wake)
    return () => this.#resting.delete(wake)
  }

  async #read(after: number): Promise<LogPage | undefined> {
    try {
      const page = await this.#log.read(after, PAGE_ENTRIES, this.#stamp)
      this.#stamp = page // so that the table of terms is not sent each time: the replica has its own
      return page
    } catch {
      return undefined
    }
  }

  #wakeAll(): void {
    if (this.#resting.size === 0) return
    const resting = this.#resting
    this.#resting = new Set()
    for (const wake of resting) wake()
  }
}

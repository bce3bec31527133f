import { type Applier, VersionTooOld } from '../apply/applier.js'
import type { Clock } from '../clock.js'
import type { Entry } from '../log/entry.js'
import { compareHistory, TermTable } from '../log/history.js'
import { type Claim, type LogPage, type LogState, type LogStore, sameStamp } from '../log/log-store.js'
import type { SnapshotStore } from '../log/snapshot.js'
import { Turns } from '../turns.js'
import type { CatchUpListener, Doubt, Halt } from './catch-up-listener.js'
import { endOf, SeenHead } from './seen-head.js'
import { BadSnapshot, loadSnapshot } from './snapshot-loader.js'
import { takeSnapshot, type TakenSnapshot } from './snapshot-maker.js'

/** Entries read at once. */
const PAGE_ENTRIES = 512

/**
 * Brings a replica to the log's head and keeps it on the log's history (G5, G7). Everything it does runs one after
 * the other: a page that was asked for before a claim is never applied after it.
 */
export class CatchUp {
  readonly #log: LogStore
  readonly #snapshots: SnapshotStore
  readonly #applier: Applier
  readonly #listener: CatchUpListener
  readonly #clock: Clock
  readonly #turns = new Turns()
  /** When the log was heard of last, and what it said. */
  readonly seen: SeenHead
  /** The present that the replica is known to be on; undefined while it is not. */
  #checked: LogState | undefined
  #halted: Halt | undefined
  #tooOldFor: VersionTooOld | undefined
  /** Where the head was when a rebuild began: until there, the replica shows a past that nobody should read. */
  #rebuildTo = 0
  #compared: { readonly term: number; readonly nonce: string } = { term: 0, nonce: '' }
  #loadingIndex: number | undefined
  #loading = false
  /** Set while the replica is in doubt: what it is to start over from. */
  #doubt: Doubt | undefined
  /** Snapshots that it has told of, since it last loaded one. */
  readonly #announced = new Set<string>()

  constructor(parts: {
    log: LogStore
    snapshots: SnapshotStore
    applier: Applier
    listener: CatchUpListener
    clock: Clock
  }) {
    this.#log = parts.log
    this.#snapshots = parts.snapshots
    this.#applier = parts.applier
    this.#listener = parts.listener
    this.#clock = parts.clock
    this.seen = new SeenHead(parts.clock)
  }

  /** Why the replica does not show the log's present, if it does not. */
  get halted(): Halt | undefined {
    return this.#halted
  }

  /** What the replica stopped in front of because its code is too old, while it does. */
  get stoppedBefore(): VersionTooOld | undefined {
    return this.#halted === 'VERSION_TOO_OLD' ? this.#tooOldFor : undefined
  }

  /** True if the replica's position is in the history of the log as it was last seen. */
  get onHistory(): boolean {
    return this.#checked !== undefined && this.#halted === undefined
  }

  /** The last claim that the replica was compared with. */
  get compared(): { readonly term: number; readonly nonce: string } {
    return this.#compared
  }

  /** The log's head as last seen. */
  get head(): number {
    return this.seen.index
  }

  /** What the replica is to start over from, while it is in doubt. */
  get startsOverFrom(): Doubt | undefined {
    return this.#doubt
  }

  /**
   * Stops a replica that computed something else than the others: it shows nothing, and does not go on before it has
   * started over. What it has stays until then, for it may become the last copy. False if it was halted otherwise.
   */
  doubt(startOverFrom: Doubt): Promise<boolean> {
    return this.#turns.take(async () => {
      if (this.#halted !== undefined && this.#doubt === undefined) return false
      this.#halted = 'DIVERGED'
      this.#rebuildTo = this.head
      this.#doubt = startOverFrom
      this.#listener.rebuilding()
      return true
    })
  }

  /** Reads and applies until the replica is at the head that the log had at the last read, or is halted. */
  toHead(signal: AbortSignal): Promise<void> {
    return this.#turns.take(async () => {
      while (!signal.aborted) {
        // One that is too old looks at what stopped it, no more: it might be gone, after a loss.
        const limit = this.#halted === 'VERSION_TOO_OLD' ? 1 : PAGE_ENTRIES
        const page = await this.#log.read(this.#applier.index, limit, this.#checked)
        if (signal.aborted) return
        this.#listener.read(page)
        const more = await this.#use(page)
        this.#listener.used()
        if (!more) return
      }
    })
  }

  /** Asks for the log's present without reading entries: what a leader does, whose replica is fed by its own appends. */
  look(): Promise<LogPage> {
    return this.#turns.take(async () => {
      const page = await this.#log.read(this.#applier.index, 0, this.#checked)
      this.seen.saw(endOf(page), this.#applier.index)
      this.#listener.read(page)
      return page
    })
  }

  /**
   * Compares the replica with the log as a claim found it. The claimant may catch up and serve only if this leaves
   * the replica on the log's history.
   */
  adopt(claim: Claim): Promise<void> {
    return this.#turns.take(async () => {
      this.seen.saw(endOf(claim), this.#applier.index)
      this.#compare(claim, true)
    })
  }

  /** Applies what this leader appended itself, in the order in which it did. */
  applyOwn(entries: readonly Entry[], nonce: string): void {
    for (const entry of entries) this.#applyOne(entry, nonce)
    this.seen.saw(this.#applier.position, this.#applier.index)
  }

  /**
   * Takes a snapshot of the replica, which follows nothing meanwhile; the caller holds the writes, which on a leader
   * are applied past this. Undefined if the replica is not fit for it when its turn comes; by default, if it is not on
   * the log's history.
   */
  takeSnapshot(isFit = () => this.onHistory && this.#applier.index > 0): Promise<TakenSnapshot | undefined> {
    return this.#turns.take(async () => {
      if (!isFit()) return undefined
      const taken = await takeSnapshot(this.#applier, this.#clock)
      this.#listener.loopHeld('taking', taken.hold)
      return taken
    })
  }

  /** What this replica must be counted as having: while it loads a snapshot, the index of that one. */
  get neededIndex(): number {
    return this.#loadingIndex ?? this.#applier.index
  }

  /** True from when the replica began to load a snapshot until it was at the head again. */
  get loading(): boolean {
    return this.#loading
  }

  /** Uses one page. True if there is more to read. */
  async #use(page: LogPage): Promise<boolean> {
    this.seen.read(page, this.#applier.index)
    if (!sameStamp(this.#checked, page)) {
      // The store sends the table whenever the stamp is not the one that we named.
      const standing = this.#compare({ ...page, table: page.table ?? new TermTable() }, false)
      if (standing === 'off') return true // rebuilt: what was read belongs behind entries that are gone now
    }
    if (this.#checked === undefined) return false
    if (this.#doubt) return this.#startOver(page)
    if (page.first > this.#applier.index + 1 && page.logId !== '') return this.#load()
    for (const entry of page.entries) if (!this.#applyOne(entry, this.#nonceOf(entry))) return false
    this.seen.saw(endOf(page), this.#applier.index)
    const atHead = this.#applier.index >= page.head
    if (atHead) this.#loading = false
    if (this.#halted === 'VERSION_TOO_OLD' && (atHead || page.entries.length > 0)) this.#halted = undefined
    return page.entries.length > 0 && !atHead
  }

  #compare(state: LogState, claimed: boolean): 'on' | 'ahead' | 'off' {
    const { position, table } = this.#applier
    const standing = compareHistory({ position, table }, state)
    this.#compared = state
    this.#checked = standing.kind === 'ahead' ? undefined : state // ahead is never "checked": it looks again each time
    if (standing.kind === 'off') {
      this.#halted = 'DIVERGED'
      this.#rebuildTo = state.head
      this.#doubt = undefined
      this.#applier.reset()
    } else if (standing.kind === 'on' && this.#halted === 'LOG_LOST') {
      if (claimed) this.#doubt = undefined // it has put back what it has: that is the log now
      this.#halted = this.#doubt && 'DIVERGED'
    }
    if (this.#applier.index === 0 && state.logId !== '') this.#applier.adopt(state.logId)
    this.#endRebuild()
    this.#listener.present(state, claimed)
    if (standing.kind === 'off') this.#listener.diverged(position, standing.agreedIndex)
    // One that is in doubt puts nothing back as long as somebody else might.
    const waits = this.#doubt !== undefined && this.#doubt !== 'log'
    if (standing.kind === 'ahead' && this.#halted !== 'LOG_LOST' && !waits) {
      this.#halted = 'LOG_LOST'
      this.#listener.logLost(position, state.head)
    }
    return standing.kind
  }

  /** The log no longer begins where this replica ends: loads the snapshot, or the one before if that is no good. */
  async #load(): Promise<boolean> {
    // With the table as it is now: the one that was checked may be older than the terms that the snapshot holds.
    const page = await this.#log.read(this.#applier.index, 0, undefined)
    if (!sameStamp(this.#checked, page)) return true // it has changed meanwhile, so look at everything again
    const log = { ...page, table: page.table ?? new TermTable() }
    const { snapshot, snapshotBefore } = page
    for (const ref of [snapshot, snapshotBefore]) {
      if (!ref || ref.index <= this.#applier.index) continue
      this.#loadingIndex = ref.index
      this.#loading = true
      if (!this.#announced.has(ref.id)) {
        this.#announced.add(ref.id)
        this.#listener.loading()
      }
      try {
        const { version } = this.#applier
        const { head, state, hold } = await loadSnapshot(
          { store: this.#snapshots, log, version, clock: this.#clock },
          ref.id,
        )
        this.#applier.load(head, state)
        this.#doubt = undefined
        this.#rebuildTo = Math.max(this.#rebuildTo, page.head)
        this.#announced.clear()
        this.#listener.loopHeld('loading', hold)
        this.#endRebuild()
        return true
      } catch (error) {
        if (error instanceof VersionTooOld) return this.#stopBefore(error)
        if (!(error instanceof BadSnapshot)) throw error
        this.#listener.badSnapshot(error)
      } finally {
        this.#loadingIndex = undefined
      }
    }
    return false
  }

  /** What a replica in doubt does with a page: waits, loads, or begins anew. */
  async #startOver({ logId, head, snapshot }: LogPage): Promise<boolean> {
    if (this.#doubt === 'nothing') return false
    if (this.#doubt === 'fresh snapshot')
      return snapshot !== undefined && snapshot.index > this.#applier.index && this.#load()
    this.#doubt = undefined
    this.#rebuildTo = head
    this.#applier.reset()
    this.#applier.adopt(logId)
    return true
  }

  /** Applies one entry; false if the replica has to stop in front of it. */
  #applyOne(entry: Entry, nonce: string): boolean {
    try {
      this.#applier.apply(entry, nonce)
    } catch (error) {
      if (!(error instanceof VersionTooOld)) throw error
      return this.#stopBefore(error)
    }
    this.#endRebuild()
    return true
  }

  #stopBefore(error: VersionTooOld): false {
    this.#tooOldFor = error
    if (this.#halted !== 'VERSION_TOO_OLD') {
      this.#halted = 'VERSION_TOO_OLD'
      this.#listener.versionTooOld(error)
    }
    return false
  }

  #endRebuild(): void {
    if (this.#halted === 'DIVERGED' && !this.#doubt && this.#applier.index >= this.#rebuildTo)
      this.#halted = undefined
  }

  /** The reign that an entry belongs to: a row of the checked table, or the present one if it has just begun to append. */
  #nonceOf(entry: Entry): string {
    const checked = this.#checked as LogState
    const row = checked.table.ownerOf(entry.index)
    return row && row.term === entry.term ? row.nonce : checked.nonce
  }
}

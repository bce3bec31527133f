import { type Applier, VersionTooOld } from '../apply/applier.js'
import type { Clock } from '../clock.js'
import { type AppendedBatch, endOfBatch, entriesBehind, isOf } from '../log/appended.js'
import type { Entry } from '../log/entry.js'
import { compareHistory, TermTable } from '../log/history.js'
import {
  type Claim,
  type LogPage,
  type LogState,
  type LogStore,
  reignOf,
  sameStamp,
  type SnapshotRef,
} from '../log/log-store.js'
import type { SnapshotStore } from '../log/snapshot.js'
import { Turns } from '../turns.js'
import type { CatchUpListener, Doubt, Halt } from './catch-up-listener.js'
import { HaltState } from './halt-state.js'
import { endOf, SeenHead } from './seen-head.js'
import { loadFirstGood } from './snapshot-loader.js'
import { takeSnapshot, type TakenSnapshot } from './snapshot-maker.js'

/** Entries read at once. While they are, nobody can write; with more of them a newcomer is at the head no sooner. */
const PAGE_ENTRIES = 128
/** As many where writes come so fast that the head would get away from whoever reads fewer. */
const LARGEST_PAGE = 1024

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
  readonly #halt = new HaltState()
  #compared: { readonly term: number; readonly nonce: string } = { term: 0, nonce: '' }
  #loadingIndex: number | undefined
  #loading = false
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
    return this.#halt.why
  }

  /** What the replica stopped in front of because its code is too old, while it does. */
  get stoppedBefore(): VersionTooOld | undefined {
    return this.#halt.stoppedBefore
  }

  /** True if the replica's position is in the history of the log as it was last seen. */
  get onHistory(): boolean {
    return this.#checked !== undefined && this.halted === undefined
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
    return this.#halt.doubt
  }

  /**
   * Stops a replica that computed something else than the others: it shows nothing, and does not go on before it has
   * started over. What it has stays until then, for it may become the last copy. False if it was halted otherwise.
   */
  doubt(startOverFrom: Doubt): Promise<boolean> {
    return this.#turns.take(async () => {
      if (!this.#halt.doubted(startOverFrom, this.head)) return false
      this.#listener.rebuilding()
      return true
    })
  }

  /**
   * Reads and applies until the replica is at the head that the log had at the last read, or is halted. At the head that it had
   * at the first read that is enough, if `isTold` says then that what came since waits to be applied.
   */
  toHead(signal: AbortSignal, isTold = () => false): Promise<void> {
    return this.#turns.take(async () => {
      let goal: number | undefined
      let [entries, headBefore] = [PAGE_ENTRIES, Number.POSITIVE_INFINITY]
      while (!signal.aborted) {
        // One that is too old looks at what stopped it, no more: it might be gone, after a loss.
        const limit = this.halted === 'VERSION_TOO_OLD' ? 1 : entries
        const page = await this.#log.read(this.#applier.index, limit, this.#checked)
        if (signal.aborted) return
        this.#listener.read(page)
        const more = await this.#use(page)
        this.#listener.used()
        if (page.head - headBefore > entries / 2) entries = Math.min(2 * entries, LARGEST_PAGE)
        headBefore = page.head
        goal ??= page.head
        if (!more || (this.#applier.index >= goal && isTold())) return
      }
    })
  }

  /** Asks for the log's present without entries: what a leader does, whose replica its own appends feed; also during a snapshot. */
  look(): Promise<LogPage> {
    return this.#turns.look(async () => {
      const page = await this.#log.read(this.#applier.index, 0, this.#checked)
      this.seen.saw(endOf(page), this.#applier.index)
      this.#listener.read(page)
      return page
    })
  }

  /**
   * Compares the replica with the log as a claim found it. The claimant may catch up and serve only if this leaves
   * the replica on the log's history. Nothing is compared once `signal` has aborted: by then others may have claimed.
   */
  adopt(claim: Claim, signal: AbortSignal): Promise<void> {
    return this.#turns.take(async () => {
      if (signal.aborted) return
      this.seen.saw(endOf(claim), this.#applier.index)
      this.#compare(claim, true)
    })
  }

  /**
   * Applies what was told of as it was appended, if it goes on from where the replica is, under the claim that the replica
   * was compared with. False if it does not: then the log must be read.
   */
  follow(batch: AppendedBatch): Promise<boolean> {
    return this.#turns.take(async () => {
      const [end, { index }] = [endOfBatch(batch), this.#applier]
      if (!this.onHistory || !isOf(batch, this.#checked) || batch.first > index + 1) return false
      if (end.index <= index) return true
      for (const entry of entriesBehind(batch, index)) if (!this.#applyOne(entry, batch.nonce)) return false
      this.seen.appended(end, this.#applier.index)
      this.#listener.used()
      return true
    })
  }

  /** Applies what this leader appended itself, in the order in which it did. */
  applyOwn(entries: readonly Entry[], nonce: string): void {
    for (const entry of entries) this.#applyOne(entry, nonce)
    this.seen.saw(this.#applier.position, this.#applier.index)
  }

  /**
   * Takes a snapshot of the replica, which follows nothing meanwhile; the caller holds the writes, which on a leader
   * are applied past this. Undefined if the replica is not fit for it when its turn comes, and if `signal` aborts.
   */
  takeSnapshot(isFit: () => boolean, signal?: AbortSignal): Promise<TakenSnapshot | undefined> {
    return this.#turns.takeLong(async () => {
      if (signal?.aborted || !isFit()) return undefined
      const taken = await takeSnapshot(this.#applier, this.#clock, signal)
      if (taken) this.#listener.taken(taken)
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
    if (this.#halt.doubt) return this.#startOver(page)
    if (page.first > this.#applier.index + 1 && page.logId !== '') return this.#load()
    for (const entry of page.entries) if (!this.#applyOne(entry, reignOf(entry, this.#checked))) return false
    this.seen.saw(endOf(page), this.#applier.index)
    const atHead = this.#applier.index >= page.head
    if (atHead) this.#loading = false
    if (atHead || page.entries.length > 0) this.#halt.understood()
    return page.entries.length > 0 && !atHead
  }

  #compare(state: LogState, claimed: boolean): 'on' | 'ahead' | 'off' {
    const { position, table } = this.#applier
    const standing = compareHistory({ position, table }, state)
    this.#compared = state
    this.#checked = standing.kind === 'ahead' ? undefined : state // ahead is never "checked": it looks again each time
    if (standing.kind === 'off') {
      this.#halt.diverged(state.head)
      this.#applier.reset()
    } else if (standing.kind === 'on') this.#halt.on(claimed)
    if (this.#applier.index === 0 && state.logId !== '') this.#applier.adopt(state.logId)
    this.#halt.reached(this.#applier.index)
    this.#listener.present(state, claimed)
    if (standing.kind === 'off') this.#listener.diverged(position, standing.agreedIndex)
    if (standing.kind === 'ahead' && this.#halt.ahead()) this.#listener.logLost(position, state.head)
    return standing.kind
  }

  /** The log no longer begins where this replica ends: loads the snapshot, or the one before if that is no good. */
  async #load(): Promise<boolean> {
    // With the table as it is now: the one that was checked may be older than the terms that the snapshot holds.
    const page = await this.#log.read(this.#applier.index, 0, undefined)
    if (!sameStamp(this.#checked, page)) return true // it has changed meanwhile, so look at everything again
    const log = { ...page, table: page.table ?? new TermTable() }
    const behind = [page.snapshot, page.snapshotBefore].filter(
      (ref) => ref && ref.index > this.#applier.index,
    )
    try {
      const parts = { store: this.#snapshots, log, version: this.#applier.version, clock: this.#clock }
      const loaded = await loadFirstGood(parts, behind as SnapshotRef[], {
        begins: (ref) => this.#loads(ref),
        bad: (error) => this.#listener.badSnapshot(error),
      })
      if (!loaded) return false
      this.#applier.load(loaded.head, loaded.state)
      this.#halt.loaded(page.head)
      this.#announced.clear()
      this.#listener.loaded(loaded)
      this.#halt.reached(this.#applier.index)
      return true
    } catch (error) {
      if (error instanceof VersionTooOld) return this.#stopBefore(error)
      throw error
    } finally {
      this.#loadingIndex = undefined
    }
  }

  #loads({ id, index }: SnapshotRef): void {
    this.#loadingIndex = index
    this.#loading = true
    if (this.#announced.has(id)) return
    this.#announced.add(id)
    this.#listener.loading()
  }

  /** What a replica in doubt does with a page: waits, loads, or begins anew. */
  async #startOver({ logId, head, snapshot }: LogPage): Promise<boolean> {
    const { doubt } = this.#halt
    if (doubt === 'nothing') return false
    if (doubt === 'fresh snapshot')
      return snapshot !== undefined && snapshot.index > this.#applier.index && this.#load()
    this.#halt.startsOver(head)
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
    this.#halt.reached(this.#applier.index)
    return true
  }

  #stopBefore(error: VersionTooOld): false {
    if (this.#halt.tooOld(error)) this.#listener.versionTooOld(error)
    return false
  }
}

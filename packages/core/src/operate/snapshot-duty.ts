import type { Clock } from '../clock.js'
import type { MemberView } from '../elect/members.js'
import type { LogPage, OfferedSnapshot, TermConnection } from '../log/log-store.js'
import { firstToKeep, isSnapshotDue, type LogExtent, type RetentionOptions } from '../log/retention.js'
import type { SnapshotStore } from '../log/snapshot.js'
import type { Logger } from '../observe/logger.js'
import type { SnapshotWish } from './audit.js'
import type { CatchUp } from '../replicate/catch-up.js'
import type { JobTransport, RangeNotice } from '../replicate/job-transport.js'
import { storeSnapshot } from '../replicate/snapshot-maker.js'
import type { SnapshotTaker } from './snapshot-taker.js'

/** After this a follower that was asked for a snapshot is taken to have lost the request. */
const REQUEST_TIMEOUT_MS = 10_000

const NO_WISH: SnapshotWish = { index: undefined, barred: () => false }

const NOTHING_REQUESTED = { atMs: -Infinity }

interface SnapshotDutyParts {
  readonly catchUp: CatchUp
  readonly taker: SnapshotTaker
  readonly snapshots: SnapshotStore
  readonly transport: JobTransport
  readonly clock: Clock
  readonly logger: Logger
  readonly options: RetentionOptions
  /** Hears of each snapshot that this instance took and stored, and how long that took; undefined for one that failed. */
  readonly made: (snapshot: { index: number; bytes: number; ms: number } | undefined) => void
}

/** Keeps the log from growing without bound: snapshots by a follower where there is one, trimming by the leader. */
export class SnapshotDuty {
  readonly #parts: SnapshotDutyParts
  #making: Promise<OfferedSnapshot | undefined> | undefined
  /** The last request that was not answered yet: when, and to which follower. */
  #requested: { readonly atMs: number; readonly maker?: string } = NOTHING_REQUESTED
  #entryBytes = 0

  constructor(parts: SnapshotDutyParts) {
    this.#parts = parts
  }

  /** Resolves when no snapshot is being made. */
  async settled(): Promise<void> {
    await this.#making
  }

  /** The leader appended entries of so many bytes. */
  appended(entries: number, bytes: number): void {
    const mean = bytes / entries
    this.#entryBytes = this.#entryBytes === 0 ? mean : this.#entryBytes + 0.05 * (mean - this.#entryBytes)
  }

  /** Takes and stores a snapshot of the own replica; a second call meanwhile gets the same one. Never rejects. */
  make(): Promise<OfferedSnapshot | undefined> {
    return (this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    }))
  }

  /** The leader's part, at each heartbeat: asks for a snapshot when one is due, and trims what nobody needs. */
  async tend(
    page: LogPage,
    followers: readonly MemberView[],
    term: number,
    connection: TermConnection,
    wish: SnapshotWish = NO_WISH,
  ): Promise<void> {
    const { options, clock } = this.#parts
    const extent = this.#extentOf(page)
    // One whose app is too old for what stands in the log has no use for more of it: it will be replaced.
    const replicas = followers.filter(({ halted }) => halted !== 'VERSION_TOO_OLD')
    const { atMs, maker } = this.#requested
    const able = replicas.filter(({ id, halted }) => halted === undefined && !wish.barred(id))
    const lost = maker !== undefined && !able.some(({ id }) => id === maker)
    const wished = wish.index !== undefined && extent.snapshotIndex < wish.index && wish.index <= page.head
    const due = wished || isSnapshotDue(extent, options)
    if (due && (lost || clock.now() - atMs > REQUEST_TIMEOUT_MS)) {
      // Whoever was asked in vain is not asked again next.
      const makers = able.filter(({ id }) => id !== maker)
      await this.#request({ term, to: page.head, snapshot: true }, makers, connection)
    }
    const first = firstToKeep(
      extent,
      replicas.map(({ index, loading = false }) => ({ index, loading })),
      options,
    )
    if (first > page.first) await connection.trim(first)
  }

  /** Somebody has made a snapshot: switches it in. Never rejects. */
  async offered(offer: OfferedSnapshot, connection: TermConnection): Promise<void> {
    const { catchUp, logger } = this.#parts
    this.#requested = NOTHING_REQUESTED
    try {
      const { snapshotBefore } = await catchUp.look()
      const installed = await connection.installSnapshot(offer, { before: snapshotBefore })
      const { id, index, term } = offer
      logger.info(
        { event: installed ? 'snapshotInstalled' : 'snapshotRefused', snapshot: id, index, term },
        installed ? 'a snapshot was switched in' : 'a snapshot is not newer than the one that is there',
      )
    } catch (error) {
      logger.debug({ err: error }, 'a snapshot could not be switched in')
    }
  }

  /** By the follower that is furthest; without one that can, by the leader itself. */
  async #request(
    notice: RangeNotice,
    makers: readonly MemberView[],
    connection: TermConnection,
  ): Promise<void> {
    const { transport, clock } = this.#parts
    const maker = makers.toSorted((a, b) => b.index - a.index)[0]
    this.#requested = { atMs: clock.now(), ...(maker && { maker: maker.id }) }
    if (maker) return transport.push(maker.id, notice)
    void this.make().then((offer) => offer && this.offered(offer, connection))
  }

  async #make(): Promise<OfferedSnapshot | undefined> {
    const { taker, snapshots, logger, clock, made } = this.#parts
    const startedMs = clock.now()
    try {
      const taken = await taker.tryTake()
      if (!taken) return undefined // whoever leads from now on asks anew
      await storeSnapshot(snapshots, taken)
      const { id, index, term, terms, bytes } = taken.head
      made({ index, bytes, ms: clock.now() - startedMs })
      return { id, index, term, nonce: terms.at(-1)?.nonce ?? '' }
    } catch (error) {
      logger.warn({ event: 'snapshotFailed', err: error }, 'taking a snapshot failed')
      made(undefined)
      return undefined
    }
  }

  #extentOf({ first, head, snapshot, snapshotBefore }: LogPage): LogExtent {
    return {
      first,
      head,
      snapshotIndex: snapshot?.index ?? 0,
      snapshotBeforeIndex: snapshotBefore?.index ?? 0,
      entryBytes: this.#entryBytes,
    }
  }
}

import type { ChangeReason, LeaderChange, LeaderInfo } from '../events.js'
import type { AppendedBatch } from './appended.js'
import type { Entry } from './entry.js'
import { TermTable } from './history.js'
import type { SnapshotHead } from './snapshot.js'

/**
 * What identifies the log's present: which log it is, who claimed it last, and which life of the Redis server holds it.
 * While it stays the same, the log only grows; once it changes, history must be compared before anything read is used.
 */
export interface LogStamp {
  readonly logId: string
  /** Nonce of the last claim: unique even if a term number should repeat. */
  readonly nonce: string
  /** The server's replication id, which changes at restart, failover and `REPLICAOF`; empty where INFO is forbidden. */
  readonly replId: string
  /** Marks the last re-seed: before it, entries had gone that an instance may still have. Empty if there was none. */
  readonly seed: string
}

/** The present of a log, against which a replica and whatever is in flight can be checked. */
export interface LogState extends LogStamp {
  readonly term: number
  readonly head: number
  readonly table: TermTable
}

/** One look at the log, all from one script, so that its parts belong together. */
export interface LogPage extends LogStamp, PresentSnapshots {
  /** Term of the last claim; 0 if there was none. */
  readonly term: number
  /** Who made it. */
  readonly leader: LeaderInfo | undefined
  /** The lease that it was made with; empty if there was none. */
  readonly leaseValue: string
  /** Why the one before does not lead any more; undefined where that is not known, or nobody led before. */
  readonly reason: ChangeReason | undefined
  /** How often leadership has changed hands. */
  readonly leaderChanges: number
  readonly head: number
  readonly headTerm: number
  /** Index of the oldest entry that the log still has; head + 1 if it has none. */
  readonly first: number
  /** The snapshot that a replica loads when the log no longer has what it needs. */
  readonly snapshot: SnapshotRef | undefined
  /** The one before, for when that is damaged. */
  readonly snapshotBefore: SnapshotRef | undefined
  /** Entries behind the index that was asked for, in order, without a gap; not necessarily all of them. */
  readonly entries: readonly Entry[]
  /** The log's terms; only given when the stamp is not the one that the reader named. */
  readonly table: TermTable | undefined
  /** Which secrets the group uses; empty where Redis knows none. */
  readonly secretVersion: string
  /**
   * True if the server is in another life than when the log was last written to: it may have lost entries, and no leader has
   * looked for them yet.
   */
  readonly replIdChanged: boolean
}

/** A snapshot that was switched in. */
export interface SnapshotRef {
  readonly id: string
  readonly index: number
}

/** What a candidate claims with. */
export interface ClaimRequest {
  /** The stored term that the candidate read after it had won the lease: another one by now means `outrun` (G1). */
  readonly expectedTerm: number
  /** The highest term seen anywhere; the new one lies above it. */
  readonly floor: number
  readonly leader: {
    readonly id: string
    readonly url: string | undefined
    readonly publicUrl: string | undefined
  }
  readonly leaseValue: string
  /** Why the one before does not lead any more. */
  readonly reason: ChangeReason | undefined
  /** Version of the claimant's app: every entry that it appends is of that version. */
  readonly appVersion: number
}

/** A snapshot that an instance has made, and the reign that owns its index: its maker may be off without knowing. */
export interface OfferedSnapshot {
  readonly id: string
  readonly index: number
  readonly term: number
  readonly nonce: string
}

/** A granted claim: the log as it was at that moment, and the right to append under `term` on this connection. */
export interface Claim extends LogStamp {
  readonly term: number
  readonly head: number
  readonly headTerm: number
  readonly table: TermTable
  /** True if the server is in another life than when the log was last written to: it may have lost entries. */
  readonly replIdChanged: boolean
}

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  /** Another claim came between. */
  | { readonly kind: 'outrun'; readonly term: number }
  /** The lease lies on the log's Redis and is not ours any more. */
  | { readonly kind: 'leaseLost' }
  /** The log holds entries of a newer version of the app, which the claimant could not apply. */
  | { readonly kind: 'tooOld'; readonly appVersion: number }

/** The snapshots that a log has. */
export interface PresentSnapshots {
  readonly snapshot: SnapshotRef | undefined
  readonly snapshotBefore: SnapshotRef | undefined
}

/** A batch to append, and where the leader believes the log ends. */
export interface AppendRequest {
  readonly head: number
  readonly headTerm: number
  /** Encoded entries, oldest first. */
  readonly entries: readonly string[]
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly first: number; readonly timeMs: number }
  /** Not the leader any more; nothing was written (G2). */
  | { readonly kind: 'fenced'; readonly why: string }
  /** The log does not end where the leader believes; nothing was written. */
  | { readonly kind: 'mismatch'; readonly why: string }
  /** The log is on another server now, or will be; nothing was written here. */
  | { readonly kind: 'moved' }
  /** The server refused for a reason of its own, such as memory; nothing was written. */
  | {
      readonly kind: 'refused'
      readonly error: Error
      /** Whether it would refuse all others, too. */
      readonly lasting: boolean
    }

/**
 * The one connection on which a leader claims and appends. A term belongs to its connection: the store never resends on
 * it and never opens a second socket behind it, so a reply that does not come leaves the outcome open, not doubled.
 */
export interface TermConnection {
  /** Aborts when the connection is closed, for whatever reason. */
  readonly closed: AbortSignal
  /** With fewer entries an append is not sent while another one is in flight: it would cost more than it gains. */
  readonly worthAnAppend: number
  /** The stored term, read on this connection. */
  storedTerm(): Promise<number>
  /** Claims the log (G1). */
  claim(request: ClaimRequest): Promise<ClaimOutcome>
  /** Creates the log under the claimed term, where there is none. Returns its id, or undefined if fenced. */
  createLog(logId: string): Promise<string | undefined>
  /**
   * Has a log that lost entries end again at a complete snapshot of the claimant's replica, which is ahead of it (G7).
   * Returns the claim on the log as it is then; undefined if fenced, if the log does not lack anything, or if its snapshots
   * are not those that the caller knows: nothing has changed then.
   */
  reSeed(snapshot: SnapshotHead, present: PresentSnapshots): Promise<Claim | undefined>
  /**
   * Makes a complete snapshot the one to load, under the claimed term. False if fenced, if the snapshot is not on the
   * log's history, or if it is not newer than the present one; nothing changes then.
   */
  installSnapshot(snapshot: OfferedSnapshot, present: { before: SnapshotRef | undefined }): Promise<boolean>
  /** Drops entries below `first`, never beyond the snapshot before the last. False if fenced. */
  trim(first: number): Promise<boolean>
  /**
   * Appends under the claimed term (G2), in the order of the calls. Rejects if the reply was lost: the outcome is unknown and
   * the connection closed.
   */
  append(request: AppendRequest): Promise<AppendOutcome>
  /**
   * Waits for a while until so many replicas of the log's Redis have everything that was appended on this connection.
   * Appends wait behind it, and all who ask meanwhile share the next. Returns how many have it.
   */
  replicated(replicas: number): Promise<number>
  /** As `replicated`, until the server has forced it to its disk. False if it has not yet. */
  synced(): Promise<boolean>
  close(): void
}

/** What the instances of a group share to know each other by. */
export interface Secrets {
  /** Signs what they say to each other. */
  readonly secret: string
  /** The one before, which is still believed; empty but for the last step of a rotation. */
  readonly previous: string
  /** The one to come, which is believed already, though nobody signs with it; empty but for the first step of a rotation. */
  readonly next: string
  /** Names exactly these three: how often they have changed, and when they last did by the clock of Redis. */
  readonly version: string
}

/** The group's log. Everything that reads it gets the stamp with it. */
export interface LogStore {
  /** Connects and checks the server. Reports what is dubious, throws on what cannot work. */
  open(signal: AbortSignal): Promise<void>
  /**
   * Enters the group: the same application, a format that is known, and a version of the app that is no older than what
   * the log holds. May be called again with the secrets that the instance `knows`: they are stored where the group has
   * none, or older ones; the version does not matter then. Returns what the group uses from then on.
   *
   * @throws LeaseholdError `APP_MISMATCH`, `VERSION_TOO_OLD`: nothing was written.
   */
  join(application: string, version: number, knows: Secrets | undefined): Promise<Secrets>
  /** Takes the secrets one step further in a rotation. Undefined if they are not those of `version` any more; nothing changes then. */
  rotateSecret(version: string): Promise<Secrets | undefined>
  /** Reads up to `limit` entries behind `after`, with the table if the stamp is not `known`. */
  read(after: number, limit: number, known: LogStamp | undefined): Promise<LogPage>
  /**
   * Tells of what is appended, as it is, in order, from when it calls `begun` on. It may miss some at any time, and calls
   * `begun` again after it has lost its connection: whoever misses something reads. The returned function ends it. One listener at a time.
   */
  tail(listener: TailListener): () => void
  /** Says anew where the leader of a claim is reached. False if another has been claimed since; nothing changes then. */
  setLeaderUrl(
    claim: Pick<Claim, 'term' | 'nonce'>,
    urls: Pick<LeaderInfo, 'url' | 'publicUrl'>,
  ): Promise<boolean>
  /** Remembers that the reign of the claim `nonce` has begun; not if another has been claimed since. */
  recordChange(nonce: string, change: Omit<LeaderChange, 'atMs'>): Promise<void>
  /** The last changes of leader, newest first. */
  changes(): Promise<LeaderChange[]>
  /** How long the server has been running, in ms, to the second. */
  serverAgeMs(): Promise<number>
  /** Whether a term's connection can tell what the server has forced to disk. Known once the store is open. */
  readonly canSync: boolean
  /** Opens a connection for one term. */
  openTerm(signal: AbortSignal): Promise<TermConnection>
  close(): Promise<void>
}

/** What `LogStore.tail` tells. */
export interface TailListener {
  /** What is appended from now on is told. */
  begun(): void
  appended(batch: AppendedBatch): void
}

/** Changes of leader that a store remembers. */
export const CHANGES_KEPT = 100
/** Bytes of entries that a store reads at once, and the entry that exceeds them. */
export const PAGE_BYTES = 1024 * 1024

/** The claim on a log that its holder has put back with this snapshot, under another nonce. */
export function claimAfterReSeed(
  claim: Claim,
  { logId, index, term, terms }: SnapshotHead,
  nonce: string,
): Claim {
  const stamp = { ...claim, logId, nonce, seed: nonce, replIdChanged: false }
  return { ...stamp, head: index, headTerm: term, table: new TermTable(terms) }
}

/** The reign that an entry of a log belongs to: one of its terms, or the present one if that has just begun to append. */
export function reignOf({ index, term }: Entry, { table, nonce }: LogState): string {
  const row = table.ownerOf(index)
  return row && row.term === term ? row.nonce : nonce
}

/** Whether two looks at the log belong to the same present. */
export function sameStamp(a: LogStamp | undefined, b: LogStamp | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.logId === b.logId && a.nonce === b.nonce && a.replId === b.replId
  )
}

/** What differs, where the log does not end where its leader believes. */
export function mismatch(head: number, expected: number): string {
  return `the log ends at ${head}, not at ${expected}`
}

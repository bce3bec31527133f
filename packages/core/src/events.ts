import type { ErrorCode } from './error-codes.js'
import type { Position } from './position.js'

/** What an instance is at this moment: it tries to lead (candidate), leads, follows, or does not take part. */
export type Role = 'stopped' | 'follower' | 'candidate' | 'leader'

/** Who leads, and where it can be reached. */
export interface LeaderInfo {
  /** The instance's id: its name plus a nonce that is new at each process start. */
  readonly id: string
  /** Term of its reign: the fencing token. */
  readonly term: number
  /** Where other instances reach it; undefined if it has no `url`. */
  readonly url: string | undefined
  /** Where clients reach it; undefined if it has no `publicUrl`. */
  readonly publicUrl: string | undefined
}

/** Why a leader stopped leading, as it knows itself. */
export type DemotionReason = 'stopped' | 'expired' | 'fenced' | 'disconnected' | 'switchover'

/**
 * Why an instance does not lead any more: its lease ran out; its process was found to be gone; it handed over, or stopped;
 * the log showed a newer claim; its connection to the log ended; or its event loop stood still.
 */
export type ChangeReason = (typeof CHANGE_REASONS)[number]

/** All of them. */
export const CHANGE_REASONS = [
  'expired',
  'deposed',
  'switchover',
  'stopped',
  'fenced',
  'disconnected',
  'hung',
] as const

/** A change of leader, as the group remembers it. */
export interface LeaderChange {
  /** The term that began. */
  readonly term: number
  /** Id of the instance that leads it. */
  readonly leader: string
  /** Why the one before did not lead any more; undefined for the first. */
  readonly reason: ChangeReason | undefined
  /** When it began to serve, in ms since 1970 by the clock of Redis. */
  readonly atMs: number
  /** From the last sign of the one before until then; undefined for the first. */
  readonly recoverMs: number | undefined
}

/**
 * What a warning may be about; docs/events.md says what each means. It has the code of an error where something is found only
 * later for which `start()` would have been refused.
 */
export type WarningCode = (typeof WARNING_CODES)[number] | ErrorCode

/** Those that are no error's. */
export const WARNING_CODES = [
  'PERSISTENCE_OFF',
  'MIN_REPLICAS_OFF',
  'CONFIG_FORBIDDEN',
  'INFO_FORBIDDEN',
  'LEASE_NODE_UNREACHABLE',
  'EVENT_LOOP_HUNG',
  'HANG_WATCH_OFF',
  'LOG_LOST',
  'LOG_RE_SEEDED',
  'LOG_INCOMPLETE',
  'REPLICA_DIFFERS',
  'REPLICA_DIFFERS_AGAIN',
  'SNAPSHOT_BLOCKS',
  'SNAPSHOT_BAD',
  'REPEAT_DIFFERS',
  'CONTEXT_LOST',
  'REPLY_NOT_GATED',
] as const

/** Raises a warning. */
export type Warn = (code: WarningCode, message: string) => void

/** Something to look at that the library can live with. */
export interface Warning {
  /** Stable, machine-readable kind, for instance `'PERSISTENCE_OFF'`. */
  readonly code: WarningCode
  readonly message: string
  readonly cause?: unknown
}

/**
 * Events of a node. State changes first, the event comes after: a listener that looks at the node sees what the event
 * says. Listeners run synchronously; keep them short.
 */
export interface NodeEvents {
  /** This instance leads and serves from now on. Fires once per term, after its replica caught up. */
  elected: [{ term: number; recoverMs: number }]
  /** This instance no longer leads. Fires once for each `elected`; writes in flight are still being resolved. */
  demoted: [{ term: number; reason: DemotionReason }]
  /**
   * Another leader, or none, is known from now on, or the same one with other URLs. Fires on every instance, also on the leader
   * itself. `reason` says why the one before does not lead any more, as far as is known; undefined for the first.
   */
  leaderChanged: [{ leader: LeaderInfo | undefined; reason: ChangeReason | undefined }]
  /** The replica reached the head that the log had when it began to catch up. */
  caughtUp: [{ position: Position }]
  /** The replica was off the log's history; `lost` of its entries are not in the log. It rebuilds itself. */
  diverged: [{ position: Position; agreedIndex: number; lost: number }]
  /**
   * The replica of the instance `id` computed something else than the others within the entries `from` to `to`: a command is
   * not deterministic. It stops serving and starts over. Fires on the leader that found it, and on that instance.
   */
  differed: [{ id: string; from: number; to: number }]
  /** The log lost entries that this replica has, or is gone: `head` is where it ends now. Local reads go on, stale. */
  logLost: [{ position: Position; head: number }]
  /** Something to look at, for instance `PERSISTENCE_OFF`; the node goes on. */
  warning: [Warning]
  /** A bug of the app (a command or a `whileLeader` function that threw). Not emitted when nobody listens. */
  error: [Error]
}

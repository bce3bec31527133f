import type { VersionTooOld } from '../apply/applier.js'
import type { LogPage, LogState } from '../log/log-store.js'
import type { Position } from '../position.js'
import type { LoadedSnapshot } from './snapshot-loader.js'
import type { TakenSnapshot } from './snapshot-maker.js'

/** What happens to a replica while it follows a log. */
export interface CatchUpListener {
  /** Every page that was read, before it is used: who leads, where the head is. */
  read(page: LogPage): void
  /** The page was used: the replica may be at the head now. */
  used(): void
  /**
   * A present of the log that is new to this replica; `claimed`: this instance's own claim made it. Whatever was in
   * flight under another one can be resolved now (G3).
   */
  present(state: LogState, claimed: boolean): void
  diverged(position: Position, agreedIndex: number): void
  /** The replica is in doubt, and shows nothing until it has started over. */
  rebuilding(): void
  logLost(position: Position, head: number): void
  /** The replica stops in front of something that its code does not understand. Told once for each stop. */
  versionTooOld(cause: VersionTooOld): void
  /** The replica begins to load a snapshot: what lies behind that one must stay in the log. Told once for each. */
  loading(): void
  /** A snapshot was taken, and is not stored yet. */
  taken(snapshot: TakenSnapshot): void
  /** A snapshot took the place of the replica. */
  loaded(snapshot: LoadedSnapshot): void
  /** A snapshot could not be loaded; the one before is tried, or the same again later. */
  badSnapshot(error: Error): void
}

/** Why a replica does not go on with the log. */
export type Halt = 'DIVERGED' | 'LOG_LOST' | 'VERSION_TOO_OLD'

/**
 * What a replica in doubt starts over from: a snapshot behind all that it has applied, so that it is not its own; the log,
 * with whatever snapshot that has; or nothing, until somebody decides.
 */
export type Doubt = 'fresh snapshot' | 'log' | 'nothing'

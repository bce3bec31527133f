import type { ArgsOf, Commands, ResultOf } from '../apply/state-machine.js'
import type { CommandError, CommandFailedError } from '../errors.js'
import type { Position } from '../position.js'

/** Options of `node.changes`. */
export interface ChangesOptions {
  /**
   * What the reader has seen last: the changes begin behind it, on whichever instance. `{ logId, term: 0, index: 0 }` is the
   * beginning of a log. Default: where the local replica stands at the call.
   */
  readonly after?: Position
  /** Ends the changes, without an error. */
  readonly signal?: AbortSignal
}

/**
 * What became of an entry, the same on every replica. `'rejected'`: the command refused (`CommandError`). `'failed'`: it threw
 * something else. `'unknown'`: the entry was read from the log, and what it came to is not kept. See `node.changes`.
 */
export type ChangeOutcome<R> =
  | { readonly outcome: 'ok'; readonly result: R }
  | { readonly outcome: 'rejected'; readonly error: CommandError }
  | { readonly outcome: 'failed'; readonly error: CommandFailedError }
  | { readonly outcome: 'unknown' }

/** Where an entry stands, and what it is known by. */
export interface ChangePlace {
  readonly type: 'entry'
  /** Whoever has seen this change goes on with this as `after`. */
  readonly position: Position
  /** As in `position`. They rise, with gaps where entries of the library's own stand, and repeats that were not run again. */
  readonly index: number
  /** As in `position`. */
  readonly term: number
  /** Log time in ms since 1970, as in `ctx.time`. */
  readonly time: number
  /** Operation id, as in `ctx.opId`. What `ctx.random()` gives follows from it, so keep it from clients that must not foresee that. */
  readonly opId: string
}

/** One write that the replica has applied, typed by the commands of the state machine: `command` tells `args` and `result`. */
export type EntryChange<C> = {
  [K in keyof C & string]: ChangePlace & {
    readonly command: K
    readonly args: ArgsOf<C[K]>
  } & ChangeOutcome<ResultOf<C[K]>>
}[keyof C & string]

/**
 * Changes cannot be listed from what the reader has seen last up to `position`: the log does not reach back that far any
 * more, or the replica started over, and then some of what was listed may have been lost. Whoever keeps something that
 * follows from the changes reads the state anew. The changes go on behind `position`.
 */
export interface ResetChange {
  readonly type: 'reset'
  readonly position: Position
}

/** What `node.changes` lists. */
export type Change<C> = EntryChange<C> | ResetChange

/** A change of a state machine that is not known here. */
export type AnyChange = Change<Commands<unknown>>

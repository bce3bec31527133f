import { inspect } from 'node:util'
import type { ErrorCode } from './error-codes.js'
import type { LeaderInfo } from './events.js'
import { formatPosition, type Position } from './position.js'

/**
 * Base of every error that the library throws on purpose.
 *
 * @example
 * ```ts
 * try {
 *   await node.write('deposit', { to: 'a', amount: 5 })
 * } catch (error) {
 *   if (error instanceof LeaseholdError && error.retryable) return retryLater()
 *   throw error
 * }
 * ```
 */
export class LeaseholdError extends Error {
  /** Stable, machine-readable reason. */
  readonly code: ErrorCode
  /** True if nothing happened and the same call may succeed later or elsewhere. Never true for an unknown outcome. */
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** One or more options are wrong. `problems` lists them all; the message names each option, its value and its bound. */
export class OptionsError extends LeaseholdError {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super('INVALID_OPTIONS', `Invalid options:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/** This instance does not lead, so the write was not appended and never will be. `leader` says who does, if known. */
export class NotLeaderError extends LeaseholdError {
  readonly leader: LeaderInfo | undefined

  constructor(leader: LeaderInfo | undefined, why = 'This instance is not the leader') {
    const where = leader
      ? `the leader is ${leader.id}${leader.url ? ` at ${leader.url}` : ''}`
      : 'no leader is known'
    super('NOT_LEADER', `${why}; ${where}. Nothing was written; send the write to the leader.`, {
      retryable: true,
    })
    this.leader = leader
  }
}

/**
 * The write may or may not have been appended, and may still take effect. Never treat it as failed: ask again with the
 * same operation id, or read the state.
 */
export class OutcomeUnknownError extends LeaseholdError {
  /** The operation id under which the write was sent. */
  readonly opId: string

  constructor(opId: string, why: string, cause?: unknown) {
    super('OUTCOME_UNKNOWN', `${why}: whether operation ${opId} took effect is unknown.`, { cause })
    this.opId = opId
  }
}

/**
 * A handler that ran again, because its request was sent again, wrote something else than the first time under the same
 * operation id: nothing is written, and of the first write nothing is known here.
 */
export class RepeatDiffersError extends OutcomeUnknownError {
  constructor(opId: string) {
    super(opId, 'A handler that ran again did something else under the same operation id')
  }
}

/** Too many writes wait for the log. Nothing was written. Slow down, or raise `maxQueuedWrites`. */
export class BusyError extends LeaseholdError {
  constructor(queued: number, bound: string) {
    super(
      'BUSY',
      `${queued} writes are waiting for the log, the bound is ${bound}. Nothing was written; try again later.`,
      {
        retryable: true,
      },
    )
  }
}

/** The log's Redis refused a write for a reason of its own, such as memory or a full disk. Nothing was written. */
export class LogRefusedError extends LeaseholdError {
  constructor(cause: Error) {
    super('LOG_REFUSED', `The log's Redis refused the write: ${cause.message}. Nothing was written.`, {
      cause,
      retryable: true,
    })
  }
}

/**
 * A command's deliberate refusal. Throw it from a command: it is recorded as the outcome of the entry, the same on
 * every replica, and reaches the caller of `write`.
 *
 * @example
 * ```ts
 * withdraw(state, { from, amount }: { from: string; amount: number }) {
 *   if ((state.accounts[from] ?? 0) < amount) throw new CommandError('insufficient funds', { reason: 'INSUFFICIENT' })
 *   …
 * }
 * ```
 */
export class CommandError extends LeaseholdError {
  /** The app's own reason, for instance `'INSUFFICIENT'`. */
  readonly reason: string | undefined

  constructor(message: string, options: { reason?: string } = {}) {
    super('COMMAND_REJECTED', message)
    this.reason = options.reason
  }
}

/** A command threw something other than a `CommandError`: a bug of the app, recorded as the outcome of the entry. */
export class CommandFailedError extends LeaseholdError {
  constructor(command: string, cause: unknown) {
    const what = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : inspect(cause)
    super(
      'COMMAND_FAILED',
      `Command "${command}" threw: ${what}. The entry stays in the log with this outcome.`,
      { cause },
    )
  }
}

const NOT_READABLE = {
  NOT_STARTED: 'This replica has not caught up with the log yet. Await node.start(), or read elsewhere.',
  DIVERGED:
    'This replica was off the history of the log, or computed something else than the others, and is rebuilding itself. Read elsewhere, or later.',
  LOG_LOST:
    'The log has lost entries that this replica holds. Local reads go on, marked stale; this one asked for more.',
  VERSION_TOO_OLD:
    'This replica has met entries of a newer version of the app and stands still. Read elsewhere, or upgrade it.',
} as const

/** This replica cannot answer the read at the moment, for the reason that its code says. Read elsewhere, or later. */
export class NotReadableError extends LeaseholdError {
  constructor(code: keyof typeof NOT_READABLE) {
    super(code, NOT_READABLE[code], { retryable: true })
  }
}

/** This replica could not reach what the read asked for in time. Read elsewhere, or later. */
export class LaggingError extends LeaseholdError {
  constructor(withinMs: number) {
    super(
      'LAGGING',
      `This replica could not reach what the read asked for within ${Math.round(withinMs)} ms. Read elsewhere, or later.`,
      { retryable: true },
    )
  }
}

/**
 * The position that the read carries is not in the history of the log: what it points to was lost with Redis, belongs to
 * another log, or never was. Whoever got it must forget it, and what it has seen at it.
 */
export class LineageLostError extends LeaseholdError {
  /** What was asked for. */
  readonly position: Position

  constructor(position: Position) {
    super(
      'LINEAGE_LOST',
      `Position ${formatPosition(position)} is not in the history of the log: it was lost, or never was. Read again without it.`,
    )
    this.position = position
  }
}

/** Why a switchover did not take place. */
export const SWITCHOVER_REASONS = [
  'UNKNOWN_INSTANCE',
  'NOT_ELIGIBLE',
  'LEADS_ALREADY',
  'NO_CANDIDATE',
  'UNDER_WAY',
  'PAUSED',
  'TIMEOUT',
  'HEIR_FAILED',
  'LEADER_CHANGED',
  'STOPPED',
] as const

/**
 * Leadership did not go where it was to go; nothing was lost. Unless `reason` is `HEIR_FAILED` or `LEADER_CHANGED`, the
 * leader goes on under the same term.
 */
export class SwitchoverFailedError extends LeaseholdError {
  readonly reason: (typeof SWITCHOVER_REASONS)[number]
  /** The reason as a part of a sentence. */
  readonly why: string

  constructor(reason: (typeof SWITCHOVER_REASONS)[number], why: string) {
    super('SWITCHOVER_FAILED', `The switchover did not take place: ${why}. Nothing was lost.`)
    this.reason = reason
    this.why = why
  }
}

/** The code of this instance is too old for what the log holds. `what` says what that is. */
export function versionTooOld(what: string, cause?: unknown): LeaseholdError {
  return new LeaseholdError(
    'VERSION_TOO_OLD',
    `${what}. Deploy the version that wrote it, or a later one, in place of this one. Nothing was changed; instances that understand it go on.`,
    { cause },
  )
}

/** Something that a later release will do was asked for. Nothing weaker was done instead. */
export class NotSupportedError extends LeaseholdError {
  constructor(what: string) {
    super('NOT_SUPPORTED', `${what} is not supported by this version.`)
  }
}

import { LeaseholdError, OptionsError, SwitchoverFailedError } from '@leasehold/core/operator'
import { EXIT_CODES, type ExitCode } from './exit-codes.js'

/** The command line makes no sense, or says too little. */
export class UsageError extends Error {
  readonly code = 'USAGE'
}

/** There is no such group. */
export class NoGroupError extends Error {
  readonly code = 'NO_GROUP'
}

const TEMPORARY = new Set(['UNDER_WAY', 'TIMEOUT', 'LEADER_CHANGED', 'STOPPED'])

/** What the program ends with for an error that a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || error instanceof OptionsError) return EXIT_CODES.usage
  if (error instanceof NoGroupError) return EXIT_CODES.noGroup
  if (error instanceof SwitchoverFailedError)
    return TEMPORARY.has(error.reason) ? EXIT_CODES.temporary : EXIT_CODES.failed
  if (!(error instanceof LeaseholdError)) return EXIT_CODES.bug
  if (error.code === 'REDIS_UNREACHABLE') return EXIT_CODES.unreachable
  if (error.code === 'REDIS_FORBIDDEN') return EXIT_CODES.forbidden
  return error.code === 'NO_LEADER' ? EXIT_CODES.temporary : EXIT_CODES.failed
}

/** An error as `--json` shows it. */
export function errorRecord(error: unknown): { error: { code: string; message: string; reason?: string } } {
  const { code, message } = Object(error) as { code?: string; message?: string }
  const reason = error instanceof SwitchoverFailedError ? { reason: error.reason } : {}
  return { error: { code: code ?? 'BUG', message: message ?? String(error), ...reason } }
}

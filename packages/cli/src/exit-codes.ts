/** What the exit code of `leasehold` says. From 64 on they are those of sysexits.h. */
export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  warned: 2,
  usage: 64,
  noGroup: 66,
  unreachable: 69,
  bug: 70,
  temporary: 75,
  forbidden: 77,
} as const

/** One of them. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

/** What each means, in the order of their numbers. */
export const EXIT_CODE_MEANINGS: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [EXIT_CODES.ok, 'done; nothing found that is wrong'],
  [EXIT_CODES.failed, 'refused or failed; doctor found an error, verify a difference'],
  [EXIT_CODES.warned, 'doctor found warnings only; verify could not compare all replicas'],
  [EXIT_CODES.usage, 'the command line is wrong, or lacks a group or --yes'],
  [EXIT_CODES.noGroup, 'there is no such group on this Redis'],
  [EXIT_CODES.unreachable, 'Redis cannot be reached, or stopped answering'],
  [EXIT_CODES.bug, 'a bug of this program'],
  [EXIT_CODES.temporary, 'nobody leads, or the time ran out: try again later'],
  [EXIT_CODES.forbidden, 'the Redis user may not do that'],
]

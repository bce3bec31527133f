/** How grave a finding is. `skipped`: it could not be looked at, so nothing is said either way. */
export type FindingLevel = 'ok' | 'skipped' | 'warning' | 'error'

/** What `Operator.examine` looks at. */
export type FindingSubject = (typeof FINDING_SUBJECTS)[number]

/** All of them, in the order in which they are told. */
export const FINDING_SUBJECTS = [
  'version',
  'mode',
  'role',
  'access',
  'eviction',
  'memory',
  'persistence',
  'last-save',
  'fork',
  'min-replicas',
  'idle-timeout',
  'keepalive',
  'pubsub-buffer',
  'connections',
  'latency',
  'lease-timing',
  'clock',
  'log',
  'leader',
  'members',
  'versions',
  'options',
  'queues',
] as const

/** One thing that was looked at. */
export interface Finding {
  readonly subject: FindingSubject
  readonly level: FindingLevel
  /** What was measured, as a sentence. */
  readonly found: string
  /** What to do about it; undefined where nothing is to be done. */
  readonly fix: string | undefined
}

/** Nothing is wrong with it. */
export function fine(subject: FindingSubject, found: string): Finding {
  return { subject, level: 'ok', found, fix: undefined }
}

/** It could not be looked at; `fix` says what would allow it. */
export function skipped(subject: FindingSubject, found: string, fix?: string): Finding {
  return { subject, level: 'skipped', found, fix }
}

/** It works, or did so far, and is not as it should be. */
export function warning(subject: FindingSubject, found: string, fix: string): Finding {
  return { subject, level: 'warning', found, fix }
}

/** The group cannot work like that, or will fail at the next occasion. */
export function failure(subject: FindingSubject, found: string, fix: string): Finding {
  return { subject, level: 'error', found, fix }
}

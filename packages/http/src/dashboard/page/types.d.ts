import type { GroupStatus, InstanceStatus, LeaderChange, MemberStatus } from '@leasehold/core'
import type { GroupReport } from '../../group-report.js'

/** A value as it comes out of JSON: what is undefined here is null there. */
type Received<T> = T extends undefined
  ? null
  : T extends object
    ? { readonly [K in keyof T]: Received<T[K]> }
    : T

/** The body of `GET /status`. */
export type Status = Received<GroupReport & { instance: InstanceStatus }>
export type Group = Received<Omit<GroupStatus, 'times' | 'inconsistency'>>
export type Instance = Received<InstanceStatus>
export type Member = Received<MemberStatus>
export type Change = Received<LeaderChange>

/** What the instance answered, and when. */
export interface Answer {
  readonly status: Status
  /** When it came, by this page's monotonic clock. */
  readonly atMs: number
  /** What time it was there, in ms since 1970. */
  readonly serverMs: number
}

import type { ChangeReason } from '../events.js'
import type { Claim, TermConnection } from '../log/log-store.js'
import type { RenewalListener } from './held-lease.js'
import type { RoleEvent, RoleState } from './role.js'

/** Whether an instance may run now, and how long it lets better ones go first; if it may not, when to ask again. */
export interface Standing {
  readonly eligible: boolean
  readonly delayMs: number
}

/** What the elector asks of the rest of the node. */
export interface Candidacy {
  /** Asked when there is a vacancy. */
  standing(): Promise<Standing>
  /** The highest term seen anywhere: the next one lies above it. */
  floor(): number
  /** Why the leader before does not lead any more. */
  reason(): ChangeReason | undefined
  /** Who claims. */
  self(): {
    readonly id: string
    readonly url: string | undefined
    readonly publicUrl: string | undefined
  }
  /** Version of the app, which must not be older than what the log holds. */
  readonly appVersion: number
  /** Recovers and catches up with the log that the claim found. Undefined if this instance cannot serve it. */
  takeOver(claim: Claim, connection: TermConnection, signal: AbortSignal): Promise<Claim | undefined>
  /** Called after each change of role, with what led to it. */
  roleChanged(state: RoleState, before: RoleState, event: RoleEvent): void
  /** Closes a connection once nothing is in flight on it any more. */
  retire(connection: TermConnection): Promise<void>
  /** The lease that this instance holds was to be renewed. */
  renewalAsked: RenewalListener
  /** The lease was found vacant, or held. */
  vacancyChanged(vacant: boolean): void
}

/** A term that this instance serves. */
export interface ServedTerm {
  readonly claim: Claim
  readonly connection: TermConnection
  /** When the one before was last known to lead, on the own monotonic clock. */
  readonly vacantSinceMs: number
  /** True if somebody had led before. */
  readonly failover: boolean
  /** Why whoever led before does not any more. */
  readonly reason: ChangeReason | undefined
}

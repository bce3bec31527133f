import type { EvidenceRecord } from '../apply/evidence.js'
import type { Role } from '../events.js'
import type { Halt } from '../replicate/catch-up-listener.js'

/** A replica that computed something else than the others, as the leader found. */
export interface Naming {
  readonly id: string
  /** The range of entries where that showed first. */
  readonly from: number
  readonly to: number
}

/** What an instance publishes for the audit of what replicas compute. */
export interface MemberAudit {
  readonly evidence: EvidenceRecord
  /** Of a replica in doubt: the lowest index of a snapshot that it would start over from. */
  readonly waitsFor?: number | undefined
  /** Of a leader: whom it has named, as long as their replicas are the same as then. */
  readonly named?: readonly Naming[] | undefined
}

/** Options of an instance by which others can judge its silence, and whether Redis is fast enough for it; in ms. */
export interface MemberTiming {
  readonly heartbeatMs: number
  readonly leaseTtlMs: number
  readonly commandTimeoutMs: number
}

/** What an instance publishes of itself with each heartbeat. */
export interface Member {
  readonly id: string
  readonly name: string
  readonly url: string | undefined
  readonly publicUrl: string | undefined
  /** `stopped` for good: the record outlives the instance until the leader has swept behind it. */
  readonly role: Role
  readonly index: number
  /** The last entry that it has applied. */
  readonly applied: { readonly term: number; readonly index: number }
  /** Term of the last claim that it has compared its replica with. */
  readonly term: number
  /** Nonce of that claim, since a term may come again where Redis loses terms while its clock is behind; empty before one. */
  readonly nonce?: string
  /** True if it has entries that the log has lost. */
  readonly ahead: boolean
  readonly eligible: boolean
  readonly priority: number
  /** How busy its event loop has been of late, by utilisation or delay, 0 to 1. */
  readonly load: number
  /** Version of the state machine; 0 without one. */
  readonly version: number
  /** The secrets that it knows: a rotation waits for it. Empty before it has joined. */
  readonly secretVersion: string
  /** True from when it began to load a snapshot until its replica was at the head again; absent for false. */
  readonly loading?: boolean
  /** Why its replica does not apply the log; absent while it does. */
  readonly halted?: Halt | undefined
  /** Absent where the audit is off. */
  readonly audit?: MemberAudit | undefined
  /** The times that it goes by, for operators. */
  readonly timing?: MemberTiming | undefined
  /** What a leader measures. */
  readonly times?: {
    readonly requestMs: number | undefined
    readonly copyMs: number | undefined
    readonly recoverMs: number | undefined
  }
}

/** A member as others see it. */
export interface MemberView extends Member {
  /** Milliseconds since its last heartbeat, by the clock of Redis. */
  readonly silentMs: number
}

/** Where members publish themselves. Only liveness and status rest on it. */
export interface MemberStore {
  /** Publishes `member` and returns all, itself included. */
  publish(member: Member): Promise<MemberView[]>
  /** All members, without publishing. */
  list(): Promise<MemberView[]>
  remove(id: string): Promise<void>
}

/** Heartbeats that an instance may miss before it counts as gone. */
const MISSED_HEARTBEATS = 3
/** After so many it is not expected back, and what it left behind goes. */
const GONE_HEARTBEATS = 30
/** After so many its record goes, too: by now nobody sends it a job any more. */
const FORGOTTEN_HEARTBEATS = 60

export function isAlive(member: MemberView, heartbeatMs: number): boolean {
  return member.role !== 'stopped' && member.silentMs < MISSED_HEARTBEATS * heartbeatMs
}

/** It said that it stops, or has been silent for so long that it will hardly come back. */
export function isGone(member: MemberView, heartbeatMs: number): boolean {
  return member.role === 'stopped' || member.silentMs > GONE_HEARTBEATS * heartbeatMs
}

export function isForgotten(member: MemberView, heartbeatMs: number): boolean {
  return member.silentMs > FORGOTTEN_HEARTBEATS * heartbeatMs
}

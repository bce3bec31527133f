import { createHmac } from 'node:crypto'
import { EventEmitter } from 'node:events'
import {
  type GroupStatus,
  type InstanceStatus,
  LeaseholdError,
  type LeaderInfo,
  type Position,
  type Role,
} from '@leasehold/core'
import type { AdapterNode } from '../../src/index.js'

/** A node whose role is set by the test: what the adapter sees of a real one, without Redis. */
export class StandInNode extends EventEmitter {
  readonly id: string
  readonly group = 'group'
  leaseTtlMs = 1000
  role: Role = 'follower'
  term = 0
  leader: LeaderInfo | undefined
  position: Position = { logId: 'log', term: 1, index: 7 }
  url: string | undefined
  urlRequired = false
  reignSince = 0
  secret: string | undefined = 'a secret of the group'
  statusChanges: Partial<InstanceStatus> = {}
  groupReport: GroupStatus | Error | 'silent' = new Error('Redis is out of reach')
  stopped: () => Promise<void> = () => Promise.resolve()
  /** How it was steered, and what it says to that. */
  readonly steered: unknown[] = []
  steer: (() => Promise<unknown>) | undefined
  /** Whom it was told to suspect. */
  readonly suspects: string[] = []
  readonly warnings: { code: string; message: string }[] = []

  constructor(id: string) {
    super()
    this.id = id
  }

  /** What routeWrites and the others take. The compiler checks that it has everything. */
  get asNode(): AdapterNode {
    return this as unknown as AdapterNode & StandInNode
  }

  get isLeader(): boolean {
    return this.role === 'leader'
  }

  leads(term: number): boolean {
    return this.isLeader && term >= this.reignSince && term <= this.term
  }

  requireUrl(): void {
    this.urlRequired = true
  }

  suspect(id: string): void {
    this.suspects.push(id)
  }

  warn(code: string, message: string): void {
    this.warnings.push({ code, message })
  }

  readonly credentials = {
    sign: (text: string): string => {
      if (this.secret === undefined) throw new LeaseholdError('NOT_STARTED', 'not started')
      return createHmac('sha256', this.secret).update(text).digest('base64url')
    },
    verify: (text: string, signature: string): boolean => this.credentials.sign(text) === signature,
  }

  /** Becomes the leader of `term`. */
  lead(term: number): void {
    this.role = 'leader'
    this.term = term
    this.reignSince = term
    this.leader = { id: this.id, term, url: this.url, publicUrl: undefined }
    this.emit('elected', { term, recoverMs: 0 })
    this.emit('leaderChanged', { leader: this.leader })
  }

  /** Knows another leader, or none, from now on. */
  follow(leader: Partial<LeaderInfo> | undefined): void {
    this.role = 'follower'
    this.leader = leader && { id: 'somebody', term: 1, url: undefined, publicUrl: undefined, ...leader }
    this.term = this.leader?.term ?? this.term
    this.emit('leaderChanged', { leader: this.leader })
  }

  status(): InstanceStatus {
    return {
      id: this.id,
      name: this.id,
      url: this.url,
      role: this.role,
      term: this.term,
      isLeader: this.isLeader,
      leader: this.leader,
      position: this.position,
      lagEntries: 0,
      lagMs: 0,
      stale: false,
      caughtUp: true,
      halted: undefined,
      rank: 0,
      eligible: true,
      ineligibleBecause: undefined,
      audit: { enabled: false, agreedIndex: 0, differs: undefined, rebuilds: 0 },
      paused: false,
      queuedWrites: 0,
      idleMs: 3,
      ...this.statusChanges,
    }
  }

  groupStatus(): Promise<GroupStatus> {
    if (this.groupReport === 'silent') return new Promise(() => {})
    return this.groupReport instanceof Error
      ? Promise.reject(this.groupReport)
      : Promise.resolve(this.groupReport)
  }

  async switchover(options: object): Promise<unknown> {
    this.steered.push({ switchover: options })
    return this.steer ? this.steer() : this.leader
  }

  async pause(options: object): Promise<void> {
    this.steered.push({ pause: options })
    await this.steer?.()
  }

  async resume(): Promise<void> {
    this.steered.push('resume')
    await this.steer?.()
  }

  async stop(): Promise<void> {
    await this.stopped()
    this.role = 'stopped'
  }
}

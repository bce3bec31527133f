import { auditPartsOf } from './auditing.js'
import { Applier } from './apply/applier.js'
import { ApplySpans } from './apply/apply-spans.js'
import { Evidence } from './apply/evidence.js'
import { nothingToApply } from './apply/nothing-to-apply.js'
import type { StateMachine } from './apply/state-machine.js'
import { candidacyOf, ineligibilityOf, watchListenerOf } from './candidacy.js'
import { Chronicle } from './chronicle.js'
import { describeSelf } from './describe.js'
import { Elector } from './elect/elector.js'
import { Heartbeat } from './elect/heartbeat.js'
import { LeaderWatch } from './elect/leader-watch.js'
import { Leadership } from './elect/leadership.js'
import { Roster } from './elect/roster.js'
import { afterHeartbeat, onAcknowledgement, onApplied, onPaused, onSent } from './reactions.js'
import { NotLeaderError, NotReadableError } from './errors.js'
import type { NodeEvents, WarningCode } from './events.js'
import { changingReplicaOf, InstanceReplica } from './instance-replica.js'
import { Meters } from './observe/meters.js'
import { Audit } from './operate/audit.js'
import { Credentials } from './operate/credentials.js'
import { LeaderWork } from './operate/leader-work.js'
import { Pause } from './operate/pause.js'
import { Membership } from './operate/membership.js'
import { MovingAverage } from './operate/moving-average.js'
import type { ResolvedOptions } from './options.js'
import type { Parts } from './parts.js'
import { SnapshotDuty } from './operate/snapshot-duty.js'
import { SnapshotTaker } from './operate/snapshot-taker.js'
import { Sweeper } from './operate/sweeper.js'
import { HandOver } from './operate/hand-over.js'
import { Switchover } from './operate/switchover.js'
import { handOverPartsOf, switchoverPartsOf } from './steering.js'
import { replicaListenerOf } from './replica-listener.js'
import { AppliedWaiters } from './read/applied-waiters.js'
import { ChangeFeed } from './read/change-feed.js'
import { ConsistentReads } from './read/consistency.js'
import { CatchUp } from './replicate/catch-up.js'
import { Pusher } from './replicate/pusher.js'
import { Receiver } from './replicate/receiver.js'
import { Copies } from './write/copies.js'
import { PendingWrites } from './write/pending-writes.js'
import { WriteConcerns } from './write/write-concern.js'
import { Writer } from './write/writer.js'

/** Tells the user's listeners; never throws, whatever they do. */
export type Emit = <K extends keyof NodeEvents>(event: K, ...args: NodeEvents[K]) => void

/** What an instance is made of. */
export interface InstanceParts extends Parts {
  readonly options: ResolvedOptions
  /** Undefined for an instance that only elects. */
  readonly machine: StateMachine | undefined
  readonly emit: Emit
}

/**
 * The stages of a write, wired: who tells whom what. Each stage knows only what stands before it; this is the one
 * place that knows them all. Starting and stopping is in `lifecycle.ts`, the public face in `election-node.ts` and
 * `replicated-node.ts`.
 */
export class Instance {
  readonly parts: InstanceParts
  readonly meters = new Meters()
  readonly chronicle: Chronicle
  readonly options: ResolvedOptions
  readonly applier: Applier
  readonly catchUp: CatchUp
  readonly receiver: Receiver
  readonly pusher: Pusher
  readonly pending: PendingWrites
  readonly writer: Writer
  readonly taker: SnapshotTaker
  readonly snapshots: SnapshotDuty
  readonly audit: Audit
  readonly elector: Elector
  readonly watch: LeaderWatch
  readonly leadership: Leadership
  readonly heartbeat: Heartbeat
  readonly roster: Roster
  readonly sweeper: Sweeper
  readonly work: LeaderWork
  readonly credentials = new Credentials()
  readonly membership: Membership
  readonly pause: Pause
  readonly handOver: HandOver
  readonly switchover: Switchover
  readonly requestMs = new MovingAverage()
  readonly copyMs = new MovingAverage()
  recoverMs: number | undefined
  url: string | undefined
  publicUrl: string | undefined
  /** True once an adapter routes to this instance: it must then be reachable to lead. */
  needsUrl = false
  /** What `setEligible` said last; before, the option. */
  eligible: boolean
  /** True from the call of `stop()`: it does not run for leadership any more. */
  stopping = false
  /** True from when an instance that stops takes no writes any more: it has named its heir, or found none. */
  closed = false
  readonly reads: ConsistentReads
  readonly applied = new AppliedWaiters()
  readonly changes: ChangeFeed
  readonly copies: Copies
  readonly concerns: WriteConcerns
  readonly #applySpans: ApplySpans | undefined
  #caughtUp = false

  constructor(parts: InstanceParts) {
    const { options, clock, load, log, snapshots, transport, leases, members, machine } = parts
    const { id, logger, tracer } = options
    this.chronicle = new Chronicle({ id, logger, meters: this.meters, clock })
    const emit: Emit = (event, ...args) => {
      this.chronicle.happened(event, args)
      parts.emit(event, ...args)
    }
    this.parts = { ...parts, emit }
    this.options = options
    this.url = options.url
    this.eligible = options.eligible
    this.publicUrl = options.publicUrl
    this.pending = new PendingWrites(clock, options.writeTimeoutMs)
    const evidence = machine && options.audit ? new Evidence(machine) : undefined
    this.#applySpans = tracer && new ApplySpans(tracer, clock, () => this.elector.state.role === 'leader')
    this.applier = new Applier(machine ?? nothingToApply, (entry, what) => onApplied(this, entry, what), {
      evidence,
      spans: this.#applySpans,
      onStartedOver: () => this.changes.startedOver(),
    })
    this.changes = new ChangeFeed({ replica: changingReplicaOf(this), log, clock })
    const listener = replicaListenerOf(this)
    this.catchUp = new CatchUp({ log, snapshots, applier: this.applier, listener, clock })
    this.receiver = new Receiver({
      ...{ log, transport, id, clock, logger },
      catchUp: this.catchUp,
      applier: this.applier,
    })
    this.pusher = new Pusher({
      ...{ transport, clock, logger, tracer },
      onAcknowledgement: (acknowledgement) => onAcknowledgement(this, acknowledgement),
      onCopied: (ms) => {
        this.copyMs.add(ms)
        this.meters.observe('copy', ms)
      },
    })
    this.writer = new Writer({
      listener: {
        mayAppend: () => this.elector.leads,
        notLeader: (why) => new NotLeaderError(this.leadership.leader, why),
        appended: (entries, nonce, bytes) => {
          this.snapshots.appended(entries.length, bytes)
          this.catchUp.applyOwn(entries, nonce)
          this.pusher.committed(this.applier.index, entries)
          this.copies.look()
        },
        fenced: (why) => this.elector.fenced(why),
        requestTimed: (ms) => this.requestMs.add(ms),
        sent: (batch) => onSent(this.meters, batch),
      },
      pending: this.pending,
      ...{ clock, tracer },
      maxQueuedWrites: options.maxQueuedWrites,
      maxQueuedBytes: options.maxQueuedBytes,
    })
    this.copies = new Copies(
      ({ term, index }) => index <= this.applier.index && this.applier.table.ownerOf(index)?.term === term,
    )
    this.concerns = new WriteConcerns({
      clock,
      copies: this.copies,
      // Who has just joined may have acknowledged before it was seen in a heartbeat.
      alive: () => new Set([id, ...this.roster.alive.map((member) => member.id), ...this.copies.ids]).size,
      connection: () => this.elector.served?.connection,
      canSync: () => log.canSync,
    })
    this.taker = new SnapshotTaker({ catchUp: this.catchUp, writer: this.writer, clock })
    this.snapshots = new SnapshotDuty({
      catchUp: this.catchUp,
      taker: this.taker,
      snapshots,
      transport,
      clock,
      logger,
      options,
      made: (snapshot) => {
        if (snapshot) this.chronicle.snapshot('taken', snapshot)
        else this.meters.count('snapshots', 'failed')
      },
    })
    this.leadership = new Leadership(id, (leader, reason) => {
      this.heartbeat.beatNow() // to learn of the new leader's record, and to tell it of this instance
      emit('leaderChanged', { leader, reason })
    })
    this.roster = new Roster(options.heartbeatMs)
    this.sweeper = new Sweeper({ members, transport, heartbeatMs: options.heartbeatMs, logger })
    this.elector = new Elector({
      leases,
      log,
      clock,
      logger,
      ttlMs: options.leaseTtlMs,
      candidacy: candidacyOf(this),
    })
    this.watch = new LeaderWatch({ leases, clock, logger, listener: watchListenerOf(this) })
    this.heartbeat = new Heartbeat({
      store: members,
      everyMs: options.heartbeatMs,
      clock,
      load,
      logger,
      listener: {
        describe: (load) => describeSelf(this, load),
        beat: (members) => afterHeartbeat(this, members),
      },
    })
    this.reads = new ConsistentReads(new InstanceReplica(this), clock)
    this.membership = new Membership({
      log,
      credentials: this.credentials,
      application: machine?.name ?? '',
      appVersion: machine?.version ?? 0,
      logger,
      changed: () => this.heartbeat.beatNow(),
      warn: (code, message, cause) => this.warn(code, message, cause),
    })
    this.pause = new Pause({ orders: parts.orders, clock, id, changed: () => onPaused(this) })
    this.handOver = new HandOver(handOverPartsOf(this))
    this.switchover = new Switchover(switchoverPartsOf(this))
    this.audit = new Audit(auditPartsOf(this))
    this.work = new LeaderWork((error) => {
      logger.error({ event: 'leaderFunctionFailed', err: error }, 'a whileLeader function failed')
      emit('error', error instanceof Error ? error : new Error(String(error)))
    })
  }

  get replicates(): boolean {
    return this.parts.machine !== undefined
  }

  /** Whether this instance leads and takes writes. One that stops still appends what it has taken. */
  get leads(): boolean {
    return this.elector.leads && !this.closed
  }

  /** True once the replica has reached the head that it first saw, and again after each rebuild. */
  get caughtUp(): boolean {
    return this.#caughtUp
  }

  /** Why this instance must not lead; undefined if it may. */
  get ineligibleBecause(): string | undefined {
    return ineligibilityOf(this)
  }

  /** @throws LeaseholdError while nothing can be said of what the replica shows: it rebuilds itself, or never caught up. */
  assertReadable(): void {
    if (this.catchUp.halted === 'DIVERGED') throw new NotReadableError('DIVERGED')
    if (!this.#caughtUp) throw new NotReadableError('NOT_STARTED')
  }

  /** Whether a log that has lost entries is given back what an instance holds (G7). */
  get recovers(): boolean {
    return this.options.onRedisDataLoss === 'recover'
  }

  warn(code: WarningCode, message: string, cause?: unknown): void {
    this.parts.emit('warning', { code, message, ...(cause !== undefined && { cause }) })
  }

  /** Called whenever the replica may have reached the head; tells once. */
  noticeCatchUp(): void {
    if (this.#caughtUp && !this.#applySpans) return
    if (!this.catchUp.onHistory || this.applier.index < this.catchUp.head) return
    this.#applySpans?.atHead()
    if (this.#caughtUp) return
    this.#caughtUp = true
    this.parts.emit('caughtUp', { position: this.applier.position })
  }

  /** The replica shows nothing until it has reached the head again. */
  noticeRebuilding(): void {
    this.#caughtUp = false
    this.#applySpans?.lost()
  }
}

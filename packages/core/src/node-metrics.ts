import { withDeadline } from './clock.js'
import { describeInstance } from './describe.js'
import type { Instance } from './instance.js'
import type { Counts, Distributions } from './observe/meters.js'
import { inconsistencyOf, type InstanceStatus } from './operate/status.js'

/** How long a look at the job queue may take by default. */
const QUEUE_MS = 500

/** What an instance knows of itself in numbers, at one moment. Counts and distributions only grow, from the start of the node. */
export interface Measurements {
  readonly group: string
  readonly status: InstanceStatus
  /** Index of the last entry in the log, as this instance knows. */
  readonly head: number
  /** How long it is since the log was last heard of, in ms; infinite if never. */
  readonly logSilentMs: number
  /** How much is left of the lease that this instance holds, in ms; 0 without one. */
  readonly leaseLeftMs: number
  /** Living instances, as this one knows. */
  readonly members: number
  /** C, the mean number of entries that the living replicas are behind; only a leader knows. */
  readonly inconsistency: number | undefined
  /** T_request, T_copy and T_recover in ms, as in `groupStatus()`, of a leader; undefined until measured. */
  readonly times: {
    readonly requestMs: number | undefined
    readonly copyMs: number | undefined
    readonly recoverMs: number | undefined
  }
  /** Bytes of the last snapshot that this instance took, and that it loaded. */
  readonly snapshotBytes: { readonly taken: number | undefined; readonly loaded: number | undefined }
  /** Jobs that this leader has sent and that no follower has answered yet. */
  readonly outstandingJobs: number
  /** Requests that wait for a leader. */
  readonly waitingRequests: number
  readonly counts: Counts
  readonly distributions: Distributions
}

/** What an instance counts and measures, to be read by exporters, and what adapters add to it. */
export class NodeMetrics {
  readonly #instance: Instance

  constructor(instance: Instance) {
    this.#instance = instance
  }

  /** Everything that is known without asking anybody. Copies what it gives, which takes about a tenth of a millisecond. */
  read(): Measurements {
    const { options, catchUp, applier, elector, roster, meters, pusher } = this.#instance
    const { requestMs, copyMs, recoverMs, leads } = this.#instance
    const alive = roster.alive.filter(({ id }) => id !== options.id)
    const behind = [applier.index, ...alive.map(({ index }) => index)].map((index) => ({
      alive: true,
      lagEntries: Math.max(0, catchUp.head - index),
    }))
    return {
      group: options.group,
      status: describeInstance(this.#instance),
      head: catchUp.head,
      logSilentMs: catchUp.seen.silentMs,
      leaseLeftMs: elector.leaseLeftMs,
      members: alive.length + (elector.state.role === 'stopped' ? 0 : 1),
      inconsistency: leads ? inconsistencyOf(behind) : undefined,
      times: leads
        ? { requestMs: requestMs.value, copyMs: copyMs.value, recoverMs }
        : { requestMs: undefined, copyMs: undefined, recoverMs: undefined },
      snapshotBytes: { ...meters.snapshotBytes },
      outstandingJobs: pusher.outstanding,
      waitingRequests: meters.waitingRequests,
      counts: meters.counts,
      distributions: meters.distributions,
    }
  }

  /**
   * How many jobs wait for this instance, or are worked on. Asks Redis; undefined if that does not answer in time, and for an
   * instance without jobs. Never rejects.
   */
  queuedJobs(timeoutMs = QUEUE_MS): Promise<number | undefined> {
    const { transport, clock } = this.#instance.parts
    const late = () => new Error('no answer')
    return withDeadline(clock, transport.queued(), timeoutMs, late).catch(() => undefined)
  }

  /** For adapters: a request was sent to the leader, which answered it, did not run it, or may have. */
  forwarded(outcome: 'answered' | 'refused' | 'unknown'): void {
    this.#instance.meters.count('forwardedRequests', outcome)
  }

  /** For adapters: a request begins to wait for a leader. */
  waits(): void {
    this.#instance.meters.waitingRequests++
  }

  /** For adapters: a request does not wait any more, or could not, the room being `full`. */
  held(outcome: 'released' | 'expired' | 'full' | 'gone'): void {
    if (outcome !== 'full') this.#instance.meters.waitingRequests--
    this.#instance.meters.count('heldRequests', outcome)
  }

  /** For adapters: a request that went out more than once has come to its end. */
  resent(outcome: 'answered' | 'no_leader' | 'unknown' | 'gone' | 'failed'): void {
    this.#instance.meters.count('resentRequests', outcome)
  }
}

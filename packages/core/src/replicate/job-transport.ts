import type { EvidenceRecord } from '../apply/evidence.js'
import type { OfferedSnapshot } from '../log/log-store.js'

/**
 * "The log reaches `to`": a hint that there is something to read. It names a range and never carries entries, so a job
 * that is lost, doubled, late or from a deposed leader changes nothing (G5).
 */
export interface RangeNotice {
  readonly term: number
  readonly to: number
  /** Asks the follower to take a snapshot, too. */
  readonly snapshot?: true
}

/** Names the job that carries a notice: a queue does not hold one twice. */
export function jobIdOf({ snapshot, term, to }: RangeNotice): string {
  return `${snapshot ? 's' : 't'}${term}-${to}`
}

/** How far an instance has applied the log, told to whoever leads. */
export interface Acknowledgement {
  readonly id: string
  /** Term of the entry at `index`. */
  readonly term: number
  readonly index: number
  /** A snapshot that it has taken and stored, for the leader to switch in. */
  readonly snapshot?: OfferedSnapshot
  /** With a snapshot: what its maker computed up to there, where it takes part in the audit. */
  readonly evidence?: EvidenceRecord
}

/** Carries notices from the leader to each follower, and acknowledgements back. Nothing relies on either arriving. */
export interface JobTransport {
  /** Where the queues are: each is named by its instance's id, below this prefix. */
  readonly prefix: string
  /** Connects. `receive` is called for each notice for `id`, one at a time; it must not throw. */
  open(id: string, receive: (notice: RangeNotice) => Promise<void>, signal: AbortSignal): Promise<void>
  /** Hands a notice to the queue of the instance `to`. Rejects if that could not be done; the notice is then lost. */
  push(to: string, notice: RangeNotice): Promise<void>
  /** Tells the leader; resolves once that is on its way. Never rejects: what is lost, the next heartbeat says again. */
  acknowledge(acknowledgement: Acknowledgement): Promise<void>
  /** Listens for acknowledgements, as a leader does; the returned function stops that. Nothing comes in before Redis knows of it. */
  onAcknowledged(listener: (acknowledgement: Acknowledgement) => void): () => void
  /**
   * Ids of the instances that are connected at this moment, whatever else Redis has forgotten: connections outlive
   * FLUSHALL, and end with the process.
   */
  present(): Promise<string[]>
  /** Instances that this one has pushed a notice to, without those whose queues it has removed since. */
  pushedTo(): Iterable<string>
  /** How many notices for this instance wait, or are worked on; undefined where there is no queue. Rejects without an answer. */
  queued(): Promise<number | undefined>
  /** Removes the queue of an instance that is gone. Rejects at once where Redis is out of reach. */
  remove(id: string): Promise<void>
  /** Closes everything; removes the own queue if Redis is in reach. Never hangs. */
  close(): Promise<void>
}

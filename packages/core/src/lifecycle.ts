import { setMaxListeners } from 'node:events'
import { settledWithin } from './clock.js'
import { describeSelf } from './describe.js'
import { LeaseholdError, OutcomeUnknownError, versionTooOld } from './errors.js'
import type { Instance } from './instance.js'
import { Rotation } from './operate/rotation.js'
import { onLeaseNotice, onRangeNotice } from './reactions.js'

/** How soon a step of a start that failed is tried again. */
const RETRY_MS = 50
/** How long a leader that stops waits to learn who follows it. */
const SUCCESSOR_TIMEOUT_MS = 1000
const SUCCESSOR_LOOK_MS = 50
/** How long a leader that takes no writes any more waits for the concerns of the last ones. Nobody else leads meanwhile. */
const LAST_CONCERNS_MS = 250

/**
 * Brings an instance into its group and out of it again. Every loop that it starts ends with one signal, and `leave`
 * waits for all of them.
 */
export class Lifecycle {
  readonly #instance: Instance
  /** Ends a start that takes too long, and whatever else a stop comes in between. */
  readonly #late = new AbortController()
  /** Ends the elector, and with it the reign. */
  readonly #resigning = new AbortController()
  /** Ends everything else. */
  readonly #over = new AbortController()
  #elector: Promise<void> = Promise.resolve()
  #loops: Promise<void>[] = []
  /** True from when there is a record of this instance. */
  #recorded = false
  readonly #rotations = new Set<Promise<void>>()
  #left: Promise<void> | undefined

  constructor(instance: Instance) {
    this.#instance = instance
    // Every connection of a start listens: with several lease nodes these are more than Node takes for a leak.
    setMaxListeners(0, this.#late.signal)
  }

  /**
   * Connects, joins, and resolves once the replica has reached the head and somebody leads; a lone instance, once it
   * leads itself. Leaves nothing running if it fails.
   */
  async join(): Promise<void> {
    const { clock } = this.#instance.parts
    const cancel = clock.timer(this.#instance.options.startTimeoutMs, () => this.#late.abort())
    try {
      if (this.#left) throw stopped()
      await this.#connect(this.#late.signal)
      this.#run()
      await this.#ready(this.#late.signal)
    } catch (error) {
      const wasStopped = this.#left !== undefined
      await this.leave()
      throw wasStopped
        ? new LeaseholdError('STOPPED', 'The node was stopped before it had started.', { cause: error })
        : error
    } finally {
      cancel()
    }
  }

  /** Hands leadership over if it has it, ends everything, and resolves when nothing runs any more. Never rejects. */
  leave(): Promise<void> {
    return (this.#left ??= this.#leave())
  }

  /**
   * Changes the group's secret while all go on believing each other.
   *
   * @throws LeaseholdError `NOT_STARTED`, `STOPPED`, `ROTATION_UNFINISHED`
   */
  async rotateSecret(inFlightMs: number): Promise<void> {
    const { parts, options, membership } = this.#instance
    const { heartbeatMs, logger } = options
    const rotation = new Rotation({ ...parts, membership, heartbeatMs, logger, inFlightMs })
    const ended = rotation.run(this.#late.signal)
    const settled = ended.catch(() => {}).finally(() => this.#rotations.delete(settled))
    this.#rotations.add(settled)
    await ended
  }

  async #connect(late: AbortSignal): Promise<void> {
    const { parts, options, membership } = this.#instance
    await this.#insist(() => parts.log.open(late), late)
    await this.#insist(() => membership.join(), late)
    await this.#insist(() => this.#claimName(late), late)
    await parts.leases.open(late)
    parts.leases.onNotice((notice) => onLeaseNotice(this.#instance, notice))
    // Before there is a queue: should it die now, its record has the queue swept.
    await this.#insist(() => this.#record('follower'), late)
    await parts.transport.open(options.id, (notice) => onRangeNotice(this.#instance, notice), late)
    // Recorded first, told second: a rotation waits for whoever has a record, so it cannot get ahead of what this one is
    // told now.
    await this.#insist(() => membership.join(), late)
  }

  /**
   * A connection that is lost on the way is no reason to fail: asks again until `late`.
   *
   * @throws LeaseholdError `REDIS_UNREACHABLE` then; others at once.
   */
  async #insist(ask: () => Promise<void>, late: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (error instanceof LeaseholdError) throw error
        if (late.aborted) {
          const why = error instanceof Error ? error.message : String(error)
          const message = `Within startTimeoutMs (${this.#instance.options.startTimeoutMs} ms) Redis did not do what a start needs: ${why}`
          throw new LeaseholdError('REDIS_UNREACHABLE', message, { cause: error, retryable: true })
        }
        await this.#instance.parts.clock.sleep(RETRY_MS, late)
      }
    }
  }

  /** A name belongs to one living instance. One that was killed a moment ago still looks alive until it misses its heartbeats. */
  async #claimName(late: AbortSignal): Promise<void> {
    const { parts, options, roster } = this.#instance
    let silentMs: number | undefined
    while (!late.aborted) {
      const members = await parts.members.list()
      const twin = members.find((member) => member.name === options.name && roster.isAlive(member))
      if (!twin) return
      if (silentMs !== undefined && twin.silentMs < silentMs) {
        throw new LeaseholdError(
          'NAME_TAKEN',
          `The name "${options.name}" belongs to ${twin.id}, which is alive. Names must be unique within a group.`,
        )
      }
      silentMs = twin.silentMs
      await parts.clock.sleep(options.heartbeatMs / 4, late)
    }
    throw new LeaseholdError(
      'START_TIMEOUT',
      `Within startTimeoutMs (${options.startTimeoutMs} ms) it could not be told whether the instance that has the name "${options.name}" is still alive.`,
    )
  }

  async #record(role: 'follower' | 'stopped'): Promise<void> {
    await this.#instance.parts.members.publish({ ...describeSelf(this.#instance, 0), role })
    this.#recorded = true
  }

  #run(): void {
    const { elector, watch, receiver, heartbeat, options } = this.#instance
    const { signal } = this.#over
    this.#elector = elector.run(this.#resigning.signal) // first, so that the first heartbeat tells a role
    this.#loops = [receiver.run(options.heartbeatMs, signal), heartbeat.run(signal), watch.run(signal)]
  }

  async #ready(late: AbortSignal): Promise<void> {
    const { parts, options, receiver, catchUp } = this.#instance
    while (!this.#over.signal.aborted) {
      await receiver.pull()
      if (catchUp.stoppedBefore) throw versionTooOld(catchUp.stoppedBefore.message, catchUp.stoppedBefore)
      if (this.#isReady()) return
      if (late.aborted)
        throw new LeaseholdError(
          'START_TIMEOUT',
          `The instance was not ready within startTimeoutMs (${options.startTimeoutMs} ms): ${this.#missing()}`,
        )
      await parts.clock.sleep(20, late)
    }
    throw stopped()
  }

  #isReady(): boolean {
    const { replicates, caughtUp, ineligibleBecause, pause } = this.#instance
    if (this.#somebodyLeads()) return !replicates || caughtUp
    return (ineligibleBecause !== undefined || pause.active) && (caughtUp || !replicates)
  }

  /** By its own word on its last claim: whoever only claimed may still find that it cannot serve the log. */
  #somebodyLeads(): boolean {
    const { elector, leadership, roster } = this.#instance
    if (elector.leads) return true
    const { leader } = leadership
    return roster.alive.some(
      ({ id, role, term }) => role === 'leader' && id === leader?.id && term === leader.term,
    )
  }

  #missing(): string {
    const { catchUp, applier } = this.#instance
    if (catchUp.halted) return `its replica is off the log (${catchUp.halted}).`
    return this.#somebodyLeads()
      ? `it has applied ${applier.index} of ${catchUp.head} entries.`
      : 'nobody leads the group.'
  }

  async #leave(): Promise<void> {
    const instance = this.#instance
    const { parts, pending, concerns, work } = instance
    instance.stopping = true
    this.#late.abort()
    await this.#resign()
    this.#over.abort()
    await this.#limit(Promise.all([...this.#loops, ...this.#rotations]))
    concerns.close()
    instance.changes.close()
    await this.#limit(work.settled())
    await this.#limit(instance.snapshots.settled())
    pending.close(({ opId, sent }) =>
      sent ? new OutcomeUnknownError(opId, 'The node was stopped') : stopped(),
    )
    // Not removed: a job for this instance may be under way, and the leader has to know whose queue to sweep.
    if (this.#recorded) await this.#limit(this.#record('stopped'))
    await this.#limit(parts.transport.close())
    await parts.leases.close()
    await parts.log.close()
  }

  /**
   * A leader names the best other instance while it still serves, appends what it has taken, and gives the lease back. It
   * stays until it knows its successor, so that requests which this instance holds can still be forwarded. In a paused group
   * there is no successor. Before all that, while it serves and hears at once what others have applied, it waits for the
   * concerns of writes.
   */
  async #resign(): Promise<void> {
    const { elector, writer, concerns, options, parts, switchover, handOver, pause } = this.#instance
    let led = elector.leads
    await this.#limit(switchover.stop())
    await this.#limit(concerns.settled())
    led ||= elector.leads
    const late = new AbortController()
    const cancel = parts.clock.timer(options.stopTimeoutMs, () => late.abort())
    if (led && !pause.active) await this.#limit(handOver.nameHeir(late.signal))
    this.#instance.closed = true
    if (led) {
      await this.#limit(writer.drain(late.signal))
      await this.#limit(concerns.settled(), Math.min(LAST_CONCERNS_MS, options.stopTimeoutMs))
    }
    this.#resigning.abort()
    await this.#limit(this.#elector)
    cancel()
    if (led && !pause.active) await this.#awaitSuccessor()
  }

  /** Gives up as soon as nobody is left who could be one: a whole group that stops must not wait for itself. */
  async #awaitSuccessor(): Promise<void> {
    const { leadership, options, parts, roster } = this.#instance
    const untilMs = parts.clock.now() + SUCCESSOR_TIMEOUT_MS
    while (!leadership.leader && parts.clock.now() < untilMs) {
      const members = await parts.members.list().catch(() => [])
      if (!members.some((member) => member.id !== options.id && member.eligible && roster.isAlive(member)))
        return
      await this.#limit(leadership.known(), SUCCESSOR_LOOK_MS)
    }
  }

  /** Waits, but not for ever: a stop must end even if Redis or the user's own work does not. */
  #limit(promise: Promise<unknown>, ms = this.#instance.options.stopTimeoutMs): Promise<void> {
    return settledWithin(this.#instance.parts.clock, promise, ms)
  }
}

function stopped(): LeaseholdError {
  return new LeaseholdError('STOPPED', 'The node was stopped. Nothing was written.', { retryable: true })
}

import type { Clock } from '../clock.js'
import type { MemberStore, MemberView } from '../elect/members.js'
import { LeaseholdError } from '../errors.js'
import type { Logger } from '../observe/logger.js'
import type { Membership } from './membership.js'

/** By default, for how long a signed request may be on its way: more than an adapter takes to connect. */
export const IN_FLIGHT_MS = 5000

const LOOK_MS = 20
const RETRY_MS = 100
/** Whoever is alive and does not follow a step within so many heartbeats ends the rotation. */
const STEP_HEARTBEATS = 30
/** Whoever was heard of within so many heartbeats is waited for. More than an election grants: this is not urgent. */
const AWAITED_HEARTBEATS = 10

/** Options of `rotateSecret`. */
export interface RotateOptions {
  /**
   * For how long a request may be on its way after it was signed; the old secret is believed for that long after the last
   * instance has ceased to sign with it. More than `connectTimeoutMs` of `routeWrites`. Default 5000.
   */
  readonly inFlightMs?: number
}

interface RotationParts {
  readonly membership: Membership
  readonly members: MemberStore
  readonly clock: Clock
  readonly logger: Logger
  readonly heartbeatMs: number
  /** For how long a request may be on its way after it was signed. */
  readonly inFlightMs: number
  /** Instances that were alive when this one last heard of them. */
  readonly known: readonly string[]
}

/**
 * One call of `rotateSecret`. A step is taken only when every living instance knows the one before. So no two of them are
 * more than one step apart, and then each believes what the other signs:
 *
 * | step | all sign with | all believe |
 * |---|---|---|
 * | | old | old |
 * | 1 announce | old | old, new |
 * | 2 promote | new | new, old |
 * | 3 retire | new | new |
 *
 * What is stored says which step is next, whoever took the last one: two rotations at once become one, and one that was
 * interrupted is finished by the next call.
 */
export class Rotation {
  readonly #parts: RotationParts
  /** When each instance was last heard of, on the own monotonic clock. Redis may forget them all meanwhile. */
  readonly #heardMs = new Map<string, number>()
  #views: readonly MemberView[] = []

  constructor(parts: RotationParts) {
    this.#parts = parts
    this.#hearAll(parts.known)
  }

  /**
   * Resolves when nobody alive believes any more what is signed with the secret that is in use now.
   *
   * @throws LeaseholdError `NOT_STARTED`, `STOPPED`, `ROTATION_UNFINISHED`
   */
  async run(signal: AbortSignal): Promise<void> {
    const { membership, clock, inFlightMs } = this.#parts
    const old = membership.secrets?.secret
    if (signal.aborted) throw stopped()
    if (old === undefined) throw new LeaseholdError('NOT_STARTED', 'The node has not joined its group yet.')
    await this.#repeat(signal, async () => {
      await membership.join()
      return true
    })
    for (;;) {
      const { secrets, version } = membership
      await this.#repeat(signal, () => this.#isKnown(version))
      if (version !== membership.version || !secrets) continue // somebody else took a step
      if (![secrets.secret, secrets.previous, secrets.next].includes(old)) return
      // Nobody signs with the one before any more, but what was signed with it may still be on its way.
      if (secrets.previous !== '') await clock.sleep(inFlightMs, signal)
      await this.#repeat(signal, async () => {
        await membership.rotate(version)
        return true
      })
    }
  }

  /** Whether all know these secrets; true as well if they are not the group's any more. */
  async #isKnown(version: string): Promise<boolean> {
    const { members, membership, clock } = this.#parts
    this.#views = await members.list()
    const now = clock.now()
    for (const { id, silentMs } of this.#views)
      this.#heardMs.set(id, Math.max(this.#heardMs.get(id) ?? -Infinity, now - silentMs))
    return version !== membership.version || this.#behind(version).length === 0
  }

  /** Instances that are to be waited for and do not know these secrets, as far as they have said. */
  #behind(version: string): string[] {
    const oldestMs = this.#parts.clock.now() - AWAITED_HEARTBEATS * this.#parts.heartbeatMs
    const knowing = new Set(this.#views.filter((view) => view.secretVersion === version).map(({ id }) => id))
    return [...this.#heardMs].filter(([id, atMs]) => atMs > oldestMs && !knowing.has(id)).map(([id]) => id)
  }

  /** Tries until it succeeds, at most for the time of a step. */
  async #repeat(signal: AbortSignal, attempt: () => Promise<boolean>): Promise<void> {
    const { clock, logger, heartbeatMs } = this.#parts
    const untilMs = clock.now() + STEP_HEARTBEATS * heartbeatMs
    for (;;) {
      if (signal.aborted) throw stopped()
      let failure: unknown
      try {
        if (await attempt()) return
      } catch (error) {
        logger.debug({ err: error }, 'a step of a rotation failed')
        failure = error
        this.#hearAll(this.#heardMs.keys()) // nobody could be heard of: their silence counts from now
      }
      const behind = this.#behind(this.#parts.membership.version)
      if (clock.now() > untilMs && (failure !== undefined || behind.length > 0))
        throw unfinished(STEP_HEARTBEATS * heartbeatMs, behind, failure)
      await clock.sleep(failure === undefined ? LOOK_MS : RETRY_MS, signal)
    }
  }

  #hearAll(ids: Iterable<string>): void {
    const now = this.#parts.clock.now()
    for (const id of [...ids]) this.#heardMs.set(id, now)
  }
}

function unfinished(withinMs: number, behind: readonly string[], cause: unknown): LeaseholdError {
  const why =
    cause instanceof Error
      ? `Redis did not answer (${cause.message})`
      : `${behind.join(', ')} did not follow the last step`
  return new LeaseholdError(
    'ROTATION_UNFINISHED',
    `The rotation of the group's secret stands still: within ${withinMs} ms ${why}. All instances go on believing each other. Call rotateSecret again, on any instance, to finish it.`,
    { cause },
  )
}

function stopped(): LeaseholdError {
  return new LeaseholdError(
    'STOPPED',
    "The node was stopped before the rotation of the group's secret had ended. Call rotateSecret on another instance to finish it.",
  )
}

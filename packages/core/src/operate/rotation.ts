import type { Clock } from '../clock.js'
import type { MemberStore } from '../elect/members.js'
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
/** Within so many heartbeats everybody alive is heard of, where Redis may have forgotten them. */
const LISTEN_HEARTBEATS = 3

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
  #listenUntilMs = 0
  /** Who was to be waited for at the last look. */
  #behind: readonly string[] = []

  constructor(parts: RotationParts) {
    this.#parts = parts
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
    this.#listen()
    await this.#try(signal, () => membership.join())
    for (;;) {
      const { secrets, version } = membership
      await this.#known(version, signal)
      await this.#try(signal, () => membership.join()) // had Redis forgotten members, it had lost this version, too
      let taken = false
      if (secrets && version === membership.version) {
        if (![secrets.secret, secrets.previous, secrets.next].includes(old)) return
        // Nobody signs with the one before any more, but what was signed with it may still be on its way.
        if (secrets.previous !== '') await clock.sleep(inFlightMs, signal)
        await this.#try(signal, async () => {
          taken = await membership.rotate(version)
        })
      }
      if (!taken) this.#listen() // somebody else took a step, or Redis has lost what it had
    }
  }

  /** Resolves when all who are alive know these secrets, or if they are not the group's any more. */
  async #known(version: string, signal: AbortSignal): Promise<void> {
    const { members, membership, clock, heartbeatMs } = this.#parts
    const untilMs = clock.now() + STEP_HEARTBEATS * heartbeatMs
    while (version === membership.version) {
      await this.#try(signal, async () => {
        const views = await members.list()
        this.#behind = views
          .filter(({ silentMs }) => silentMs < AWAITED_HEARTBEATS * heartbeatMs)
          .filter(({ secretVersion }) => secretVersion !== version)
          .map(({ id }) => id)
      })
      if (this.#behind.length === 0 && clock.now() >= this.#listenUntilMs) return
      if (this.#behind.length > 0 && clock.now() > untilMs)
        throw this.#unfinished(`${this.#behind.join(', ')} did not follow the last step`)
      await clock.sleep(LOOK_MS, signal)
    }
  }

  /** Asks Redis until it answers, at most for the time of a step. */
  async #try(signal: AbortSignal, ask: () => Promise<void>): Promise<void> {
    const { clock, logger, heartbeatMs } = this.#parts
    const untilMs = clock.now() + STEP_HEARTBEATS * heartbeatMs
    while (!signal.aborted) {
      try {
        return await ask()
      } catch (error) {
        logger.debug({ err: error }, 'a step of a rotation failed')
        if (clock.now() > untilMs) throw this.#unfinished(`Redis did not answer (${String(error)})`, error)
      }
      this.#listen() // they have to find Redis again, too
      await clock.sleep(RETRY_MS, signal)
    }
    throw stopped()
  }

  #listen(): void {
    const { clock, heartbeatMs } = this.#parts
    this.#listenUntilMs = clock.now() + LISTEN_HEARTBEATS * heartbeatMs
  }

  #unfinished(why: string, cause?: unknown): LeaseholdError {
    const withinMs = STEP_HEARTBEATS * this.#parts.heartbeatMs
    return new LeaseholdError(
      'ROTATION_UNFINISHED',
      `The rotation of the group's secret stands still: within ${withinMs} ms ${why}. All instances go on believing each other. Call rotateSecret again, on any instance, to finish it.`,
      { cause },
    )
  }
}

function stopped(): LeaseholdError {
  return new LeaseholdError(
    'STOPPED',
    "The node was stopped before the rotation of the group's secret had ended. Call rotateSecret on another instance to finish it.",
  )
}

import type { ErrorCode } from '../error-codes.js'
import { LeaseholdError } from '../errors.js'
import type { WarningCode } from '../events.js'
import type { LogStore, Secrets } from '../log/log-store.js'
import type { Logger } from '../observe/logger.js'
import { Turns } from '../turns.js'
import type { Credentials } from './credentials.js'

interface MembershipParts {
  readonly log: Pick<LogStore, 'join' | 'rotateSecret'>
  readonly credentials: Credentials
  /** Name of the state machine; empty for an instance that only elects. */
  readonly application: string
  /** Its version. */
  readonly appVersion: number
  readonly logger: Logger
  /** Other secrets are in use from now on: the others should hear that this instance knows. */
  changed(): void
  warn(code: WarningCode, message: string, cause: unknown): void
}

/**
 * An instance's place in its group: which secrets it shares with the others. Whenever the log shows that the group uses
 * other ones, or none, the instance joins anew and brings its own along: so an emptied Redis gets back what belongs to
 * the group, and a rotation reaches everybody.
 */
export class Membership {
  readonly #parts: MembershipParts
  /** Secrets are taken over in the order in which Redis gave them out. */
  readonly #turns = new Turns()
  #secrets: Secrets | undefined
  #rejoining = false
  #refusal: ErrorCode | undefined

  constructor(parts: MembershipParts) {
    this.#parts = parts
  }

  /** What the instance shares with the others; undefined before it has joined. */
  get secrets(): Secrets | undefined {
    return this.#secrets
  }

  /** Which secrets those are; empty before it has joined. */
  get version(): string {
    return this.#secrets?.version ?? ''
  }

  /** Why the group as it is in Redis now has no place for this instance; undefined if it has. */
  get refusal(): ErrorCode | undefined {
    return this.#refusal
  }

  /**
   * Joins the group, for the first time or again.
   *
   * @throws LeaseholdError `APP_MISMATCH`, `VERSION_TOO_OLD`
   */
  join(): Promise<void> {
    const { log, application, appVersion } = this.#parts
    return this.#turns.take(async () => this.#use(await log.join(application, appVersion, this.#secrets)))
  }

  /**
   * Takes the secrets one step further in a rotation. False if they are not those of `version` any more: nothing changed
   * then, and the instance knows what they are now.
   */
  rotate(version: string): Promise<boolean> {
    const { log, application, appVersion } = this.#parts
    return this.#turns.take(async () => {
      const rotated = await log.rotateSecret(version)
      this.#use(rotated ?? (await log.join(application, appVersion, this.#secrets)))
      return rotated !== undefined
    })
  }

  /** The log showed which secrets the group uses. Nobody waits for what comes of it; the next look tries again. */
  noticed(version: string): void {
    if (this.#secrets === undefined || version === this.version || this.#rejoining) return
    this.#rejoining = true
    void this.#rejoin().finally(() => {
      this.#rejoining = false
    })
  }

  async #rejoin(): Promise<void> {
    try {
      await this.join()
      this.#refusal = undefined
    } catch (error) {
      this.#parts.logger.debug({ err: error }, 'joining the group again failed')
      if (!(error instanceof LeaseholdError) || this.#refusal) return
      this.#refusal = error.code
      const why = 'Redis has lost what belongs to the group, and something else is there now'
      this.#parts.warn(error.code, `${why}. ${error.message}`, error)
    }
  }

  #use(secrets: Secrets): void {
    const { version } = this
    this.#secrets = secrets
    this.#parts.credentials.use(secrets)
    if (version !== '' && version !== secrets.version) this.#parts.changed()
  }
}

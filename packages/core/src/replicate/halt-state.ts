import type { VersionTooOld } from '../apply/applier.js'
import type { Doubt, Halt } from './catch-up-listener.js'

/** Why a replica does not go on with the log, if it does not, and what it waits for. Changes nothing but itself. */
export class HaltState {
  #why: Halt | undefined
  #doubt: Doubt | undefined
  #tooOldFor: VersionTooOld | undefined
  /** Where the head was when a rebuild began: until there, the replica shows a past that nobody should read. */
  #rebuildTo = 0

  get why(): Halt | undefined {
    return this.#why
  }

  /** What it is to start over from, while it is in doubt. */
  get doubt(): Doubt | undefined {
    return this.#doubt
  }

  /** What it stopped in front of because its code is too old, while it does. */
  get stoppedBefore(): VersionTooOld | undefined {
    return this.#why === 'VERSION_TOO_OLD' ? this.#tooOldFor : undefined
  }

  /** The replica computed something else than others. False if it was halted otherwise. */
  doubted(startOverFrom: Doubt, head: number): boolean {
    if (this.#why !== undefined && this.#doubt === undefined) return false
    this.#why = 'DIVERGED'
    this.#doubt = startOverFrom
    this.#rebuildTo = head
    return true
  }

  /** The replica is off the log, which ends at `head`, and begins anew. */
  diverged(head: number): void {
    this.#why = 'DIVERGED'
    this.startsOver(head)
  }

  /** The replica is on the log; `claimed`: its own claim says so, and the log ends with what it has put back. */
  on(claimed: boolean): void {
    if (this.#why !== 'LOG_LOST') return
    if (claimed) this.#doubt = undefined
    this.#why = this.#doubt && 'DIVERGED'
  }

  /** The replica is ahead of the log. False if that was known; one in doubt puts nothing back as long as somebody else might. */
  ahead(): boolean {
    const waits = this.#doubt !== undefined && this.#doubt !== 'log'
    if (this.#why === 'LOG_LOST' || waits) return false
    this.#why = 'LOG_LOST'
    return true
  }

  /** The replica cannot apply what comes next. False if that was known. */
  tooOld(error: VersionTooOld): boolean {
    this.#tooOldFor = error
    if (this.#why === 'VERSION_TOO_OLD') return false
    this.#why = 'VERSION_TOO_OLD'
    return true
  }

  /** It could: what stopped it is gone. */
  understood(): void {
    if (this.#why === 'VERSION_TOO_OLD') this.#why = undefined
  }

  /** The replica comes from a snapshot, of a log that ended at `head`. */
  loaded(head: number): void {
    this.startsOver(Math.max(this.#rebuildTo, head))
  }

  /** The replica begins anew, and shows nothing before it is at `head`. */
  startsOver(head: number): void {
    this.#doubt = undefined
    this.#rebuildTo = head
  }

  /** The replica has applied so much. */
  reached(index: number): void {
    if (this.#why === 'DIVERGED' && !this.#doubt && index >= this.#rebuildTo) this.#why = undefined
  }
}

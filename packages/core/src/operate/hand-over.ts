import type { Clock } from '../clock.js'
import { SwitchoverFailedError } from '../errors.js'
import type { Claim } from '../log/log-store.js'
import { isAlive, type MemberStore, type MemberView } from '../elect/members.js'
import { rankOf } from '../elect/ranking.js'
import type { OrderStore } from './orders.js'

const LOOK_MS = 5
const HEAD_LOOK_MS = 2
/** A notice may be lost. */
const ASK_AGAIN_MS = 100
/** Whoever is not named has to answer within this, or another one is asked. */
const ANSWER_MS = 1000
/** No write waits longer for an heir that was near the head a moment before. */
const HOLD_MS = 1000
/** How long the others let the heir go first: what it costs if it dies in that moment. */
const HEIR_FIRST_MS = 500
/** How long a leader that stops looks for an heir. */
const STOP_MS = 250

/** What a hand-over works on. */
export interface HandOverParts {
  readonly id: string
  readonly name: string
  readonly heartbeatMs: number
  readonly clock: Clock
  readonly members: MemberStore
  readonly orders: OrderStore
  /** The claim under which this instance leads; undefined once it does not. */
  readonly claim: () => Claim | undefined
  /** Where the log ends, and the newest version of the app that has written to it. */
  readonly end: () => { readonly index: number; readonly newestVersion: number }
  /** The index that an instance has acknowledged last. */
  readonly reached: (id: string) => number
  /** Has everybody say at once where it stands. */
  readonly ask: () => void
  /** Lets writes gather while `run` runs. */
  readonly hold: <T>(run: () => Promise<T>) => Promise<T>
  /** Ends the reign; resolves once the lease was given back. */
  readonly giveUp: () => Promise<void>
}

/**
 * The leader's part in a planned change of leader. Up to the moment in which the lease is given back nothing is at stake:
 * whatever fails, it goes on under the same term, with the writes that gathered meanwhile. From then on it is an election
 * as any other, in which the others let the heir go first.
 */
export class HandOver {
  readonly #parts: HandOverParts

  constructor(parts: HandOverParts) {
    this.#parts = parts
  }

  /**
   * Hands leadership to the instance `to`, a name or an id; empty for the best. Resolves once the lease was given back.
   *
   * @throws SwitchoverFailedError: this instance leads as before, unless the reason is `LEADER_CHANGED`.
   */
  async run(to: string, withinMs: number, signal: AbortSignal): Promise<void> {
    const { clock, hold, giveUp } = this.#parts
    const untilMs = clock.now() + withinMs
    const heir = await this.#choose(to, untilMs, signal)
    await hold(async () => {
      const heldUntilMs = Math.min(untilMs, clock.now() + HOLD_MS)
      await Promise.all([this.#isAtHead(heir, heldUntilMs, signal), this.#name(heir)])
      await giveUp()
    })
  }

  /**
   * Names the best other instance that answers soon: for a leader that stops. That one had all a moment ago, and reads the
   * rest before it serves; since this instance goes in any case, writes need not wait for that. Never rejects.
   */
  async nameHeir(signal: AbortSignal): Promise<void> {
    try {
      await this.#name(await this.#best(this.#parts.clock.now() + STOP_MS, signal))
    } catch {
      // Then it is an election among all.
    }
  }

  /** @returns the id of the one that was asked for, or of the best, once it answers and has what the log has now. */
  async #choose(to: string, untilMs: number, signal: AbortSignal): Promise<string> {
    const { id, name } = this.#parts
    if (to === id || to === name) throw failed('LEADS_ALREADY', `${id} leads already`)
    if (to === '') return this.#best(untilMs, signal)
    const others = await this.#others()
    const named = others.find((member) => member.id === to) ?? others.find((member) => member.name === to)
    if (!named)
      throw failed('UNKNOWN_INSTANCE', `no living instance has the name or id ${JSON.stringify(to)}`)
    this.#assertAble(named)
    await this.#answers(named.id, untilMs, signal)
    return named.id
  }

  /** One that died a moment ago still looks alive: of those that could lead, the first that answers. */
  async #best(untilMs: number, signal: AbortSignal): Promise<string> {
    const { clock } = this.#parts
    const all = (await this.#others()).filter((member) => this.#whyNot(member) === undefined)
    const ranked = all.toSorted((a, b) => rankOf(a.id, all) - rankOf(b.id, all))
    for (const { id } of ranked) {
      try {
        await this.#answers(id, Math.min(untilMs, clock.now() + ANSWER_MS), signal)
        return id
      } catch (error) {
        if (!(error instanceof SwitchoverFailedError) || !['TIMEOUT', 'NOT_ELIGIBLE'].includes(error.reason))
          throw error
      }
    }
    throw failed('NO_CANDIDATE', 'no other living instance that could lead has answered')
  }

  async #others(): Promise<MemberView[]> {
    const { id, members, heartbeatMs } = this.#parts
    return (await members.list()).filter((member) => member.id !== id && isAlive(member, heartbeatMs))
  }

  /** Resolves once the heir has said, after this call, that it has what the log has now. */
  async #answers(id: string, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock, members, claim, ask, end } = this.#parts
    const { index } = end()
    const startedMs = clock.now()
    let askMs = startedMs
    while (!signal.aborted) {
      if (!claim()) throw failed('LEADER_CHANGED', 'the leader lost leadership meanwhile')
      if (clock.now() >= askMs) {
        ask()
        askMs = clock.now() + ASK_AGAIN_MS
      }
      const heir = (await members.list()).find((member) => member.id === id)
      if (heir) this.#assertAble(heir)
      const hasAnswered = heir !== undefined && heir.silentMs <= clock.now() - startedMs
      if (hasAnswered && heir.applied.index >= index) return
      if (clock.now() >= untilMs) {
        const at = heir ? `has applied ${heir.applied.index} of ${index} entries` : 'is gone'
        throw failed('TIMEOUT', hasAnswered ? `${id} ${at}` : `${id} did not answer in time`)
      }
      await clock.sleep(LOOK_MS, signal)
    }
    throw failed('STOPPED', 'the leader stops')
  }

  /** As `#answers`, of an instance that has just done so: from memory, since writes wait. */
  async #isAtHead(id: string, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock, ask, end, claim, reached } = this.#parts
    const { index } = end()
    ask()
    while (reached(id) < index) {
      if (signal.aborted) throw failed('STOPPED', 'the leader stops')
      if (!claim()) throw failed('LEADER_CHANGED', 'the leader lost leadership meanwhile')
      if (clock.now() >= untilMs)
        throw failed('TIMEOUT', `${id} has applied ${reached(id)} of ${index} entries`)
      await clock.sleep(HEAD_LOOK_MS, signal)
    }
  }

  async #name(heir: string): Promise<void> {
    const { claim, orders } = this.#parts
    const present = claim()
    if (!present || !(await orders.nameHeir(present, heir, HEIR_FIRST_MS)))
      throw failed('LEADER_CHANGED', 'somebody else leads by now')
  }

  #assertAble(member: MemberView): void {
    const why = this.#whyNot(member)
    if (why !== undefined) throw failed('NOT_ELIGIBLE', `${member.id} cannot lead: ${why}`)
  }

  #whyNot({ role, eligible, halted, version }: MemberView): string | undefined {
    if (role === 'stopped') return 'it has stopped'
    if (halted) return `its replica does not follow the log (${halted})`
    if (version < this.#parts.end().newestVersion) return 'its app is older than what the log holds'
    return eligible ? undefined : 'it is not eligible'
  }
}

function failed(reason: SwitchoverFailedError['reason'], why: string): SwitchoverFailedError {
  return new SwitchoverFailedError(reason, why)
}

import type { ChangeReason, LeaderInfo } from '../events.js'
import type { LogPage } from '../log/log-store.js'

/**
 * Who leads, as this instance knows it: what the log says of the last claim, unless the lease was found vacant since.
 * Knowledge only: whether this instance leads itself is for the elector to say.
 */
export class Leadership {
  readonly #selfId: string
  readonly #onChange: (leader: LeaderInfo | undefined, reason: ChangeReason | undefined) => void
  #claimant: LeaderInfo | undefined
  #leaseValue = ''
  /** Why whoever led before the last claimant does not lead any more. */
  #reason: ChangeReason | undefined
  /** What was heard of why the last claimant does not. */
  #heard: ChangeReason | undefined
  #heir: string | undefined
  #hasRead = false
  /** Until a look at the lease says otherwise, whoever claimed last may be long gone. */
  #vacant = true
  #self: LeaderInfo | undefined
  #last: LeaderInfo | undefined
  #floor = 0
  #changes = 0
  #waiting: (() => void)[] = []

  constructor(
    selfId: string,
    onChange: (leader: LeaderInfo | undefined, reason: ChangeReason | undefined) => void,
  ) {
    this.#selfId = selfId
    this.#onChange = onChange
  }

  /** Who leads now, this instance included. */
  get leader(): LeaderInfo | undefined {
    if (this.#self) return this.#self
    // An own claim that is not being served is none.
    return this.#vacant || this.#claimant?.id === this.#selfId ? undefined : this.#claimant
  }

  /** The highest term seen anywhere. */
  get floor(): number {
    return this.#floor
  }

  /** How often leadership has changed hands since the log was created. */
  get changes(): number {
    return this.#changes
  }

  /** The other instance that leads, and the lease that it leads with; undefined while nobody or this instance does. */
  get rival(): { readonly id: string; readonly leaseValue: string } | undefined {
    const { leader } = this
    return leader === undefined || leader.id === this.#selfId
      ? undefined
      : { id: leader.id, leaseValue: this.#leaseValue }
  }

  /** The instance that claimed last, whether it still leads or not. */
  get claimantId(): string | undefined {
    return this.#claimant?.id
  }

  /** Resolves as soon as somebody is known to lead. */
  known(): Promise<void> {
    if (this.leader) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  read(page: LogPage): void {
    this.#floor = Math.max(this.#floor, page.term, page.headTerm)
    this.#changes = page.leaderChanges
    // A claim that was made since we last looked was made by somebody who held the lease a moment ago. Of the first one
    // that we see nothing is known.
    if (this.#hasRead && page.leader && page.leader.term !== this.#claimant?.term) this.#vacant = false
    this.#hasRead = true
    if (page.leader?.term !== this.#claimant?.term) this.#forget()
    this.#claimant = page.leader
    this.#reason = page.reason
    this.#leaseValue = page.leaseValue
    this.#update()
  }

  /** Why the last claimant does not lead any more; undefined if nobody has led yet. It expired unless something was heard. */
  get lastReason(): ChangeReason | undefined {
    return this.#claimant && (this.#heard ?? 'expired')
  }

  /** Somebody said why the last claimant does not lead any more. */
  heard(reason: ChangeReason | undefined, heir?: string): void {
    this.#heard = reason ?? this.#heard
    this.#heir = heir ?? this.#heir
  }

  /** Who should run first, by the word of whoever deposed the last claimant. */
  get heir(): string | undefined {
    return this.#heir
  }

  vacancy(vacant: boolean): void {
    this.#vacant = vacant
    this.#update()
  }

  /** This instance serves, or stops serving, a term; `reason` is what it claimed with. */
  serve(self: LeaderInfo | undefined, reason?: ChangeReason): void {
    this.#self = self
    if (self) {
      this.#floor = Math.max(this.#floor, self.term)
      this.#reason = reason
      this.#forget()
      this.#claimant = self
    }
    this.#update()
  }

  #forget(): void {
    this.#heard = undefined
    this.#heir = undefined
  }

  #update(): void {
    const { leader } = this
    const last = this.#last
    const isReachedAsBefore = leader?.url === last?.url && leader?.publicUrl === last?.publicUrl
    if (leader?.id === last?.id && leader?.term === last?.term && isReachedAsBefore) return
    this.#last = leader
    if (leader) for (const resolve of this.#waiting.splice(0)) resolve()
    this.#onChange(leader, leader ? this.#reason : this.lastReason)
  }
}

import { READ_TIMEOUT_MS } from './calls.js'
import type { Instance } from './instance.js'
import { NotReadableError } from './errors.js'
import type { TermTable } from './log/history.js'
import type { LogPage } from './log/log-store.js'
import type { Position } from './position.js'
import type { ChangingReplica } from './read/change-feed.js'
import type { ReadableReplica } from './read/consistency.js'
import type { ServedTerm } from './elect/candidacy.js'
import { SharedCall } from './shared-call.js'

/** An instance's replica as consistent reads see it: a leader's is fed by its own appends, a follower's by reading. */
export class InstanceReplica implements ReadableReplica {
  readonly #instance: Instance
  readonly #look: SharedCall<LogPage>
  #last: { readonly look: Promise<unknown>; readonly refreshed: Promise<boolean> } | undefined

  constructor(instance: Instance) {
    this.#instance = instance
    this.#look = new SharedCall(() => instance.catchUp.look())
  }

  get position(): Position {
    return this.#instance.applier.position
  }

  get table(): TermTable {
    return this.#instance.applier.table
  }

  get isFollowing(): boolean {
    const { caughtUp, catchUp } = this.#instance
    return caughtUp && catchUp.halted === undefined
  }

  assertFollowing(): void {
    this.#instance.assertReadable()
    const { halted } = this.#instance.catchUp
    if (halted !== undefined) throw new NotReadableError(halted)
  }

  refresh(): Promise<boolean> {
    const { elector, receiver } = this.#instance
    const { served } = elector
    return elector.state.role === 'leader'
      ? this.#after(this.#look.ask(), (page) => this.#isLeaderAt(page, served))
      : this.#after(receiver.pull(), (reached) => reached && this.#isFollowerAtHead)
  }

  /** Those who share a look share what is made of it. A look that failed is no refresh. */
  #after<T>(look: Promise<T>, judge: (found: T) => boolean | Promise<boolean>): Promise<boolean> {
    if (this.#last?.look !== look) this.#last = { look, refreshed: look.then(judge, () => false) }
    return this.#last.refreshed
  }

  get #isFollowerAtHead(): boolean {
    const { catchUp, applier } = this.#instance
    return catchUp.seen.settled && catchUp.onHistory && applier.index >= catchUp.head
  }

  /** What the log has beyond its replica must be on its way here, unless another one leads by now. */
  async #isLeaderAt(page: LogPage, served: ServedTerm | undefined): Promise<boolean> {
    const { applier, applied } = this.#instance
    if (!served || page.nonce !== served.claim.nonce || page.replId !== served.claim.replId) return false
    if (applier.index < page.head) await applied.until(page.head)
    return applier.index >= page.head
  }
}

/** An instance's replica as those who read its changes see it. */
export function changingReplicaOf(instance: Instance): ChangingReplica {
  return {
    applier: instance.applier,
    assertReadable: () => instance.assertReadable(),
    reach: (position) => instance.reads.session(position, READ_TIMEOUT_MS),
  }
}

/**
 * How long a follower has at least for what it was told of as it was appended. If it has not acknowledged it then, that got
 * lost, or the follower cannot keep up: it gets a job.
 */
export const LATE_MS = 20
/** How long it has at most, however slow its line. */
export const MOST_LATE_MS = 250
/** Between two jobs to a follower that keeps up. A job costs Redis what some hundred entries do, and 5 kB on the line. */
export const JOB_EVERY_MS = 1000
/** Jobs that may be under way to one follower. One more covers all that came meanwhile, so a few are enough. */
const MAX_OUTSTANDING_JOBS = 4
/** After this a job that brought no acknowledgement counts as lost. */
const LOST_JOB_MS = 2000

/**
 * When one follower is to get a job. One whose acknowledgements take long has longer until it is late: on a slow line jobs
 * for what is on its way already would only make the line slower. As TCP does (RFC 6298, section 2), the time that it has is
 * taken from the trips seen so far: twice the last one, or half of what it was if that is more.
 */
export class PushPace {
  #acknowledged = 0
  /** Where jobs reach by now. */
  #pushed = 0
  /** The head that it has not acknowledged yet, and since when it should. */
  #awaited = { to: 0, sinceMs: -Infinity }
  #lateMs = LATE_MS
  /** Jobs under way, oldest first. */
  #outstanding: { readonly to: number; readonly sentMs: number }[] = []
  #sentMs = -Infinity

  /** How far the follower is, as it has said. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** How far it was told that the log reaches. */
  get pushed(): number {
    return this.#pushed
  }

  /** Jobs under way that nobody has answered. */
  get outstanding(): number {
    return this.#outstanding.length
  }

  /** Whether a job that names all up to `head` could tell it nothing that is not under way. */
  isTold(head: number): boolean {
    const { length } = this.#outstanding
    return length >= MAX_OUTSTANDING_JOBS || (length > 0 && this.#pushed === head)
  }

  /** The follower says, at `nowMs`, how far it is. */
  acknowledge(index: number, nowMs: number): void {
    const { to, sinceMs } = this.#awaited
    if (this.#acknowledged < to && index >= to) {
      // What a job had to bring was lost before that, which says nothing about how long a trip takes.
      const job = this.#outstanding.find((one) => one.to >= to)
      const tripMs = nowMs - (job?.sentMs ?? sinceMs)
      this.#lateMs = Math.min(MOST_LATE_MS, Math.max(LATE_MS, 2 * tripMs, this.#lateMs / 2))
    }
    this.#acknowledged = Math.max(this.#acknowledged, index)
    this.#outstanding = this.#outstanding.filter((one) => one.to > index)
  }

  /** A job that names all up to `to` is sent. */
  sent(to: number, nowMs: number): void {
    this.#pushed = to
    this.#sentMs = nowMs
    this.#outstanding.push({ to, sentMs: nowMs })
  }

  /** The log ends at `head`: whoever has all that was awaited is awaited there from now on. */
  expect(head: number, nowMs: number): void {
    if (this.#acknowledged >= this.#awaited.to) this.#awaited = { to: head, sinceMs: nowMs }
    while (this.#outstanding[0] && nowMs - this.#outstanding[0].sentMs > LOST_JOB_MS)
      this.#outstanding.shift()
  }

  /** When it is to get its next job. */
  get dueMs(): number {
    const { to, sinceMs } = this.#awaited
    const lateMs = this.#acknowledged < to ? sinceMs + this.#lateMs : Infinity
    return Math.max(this.#sentMs + this.#lateMs, Math.min(this.#sentMs + JOB_EVERY_MS, lateMs))
  }
}

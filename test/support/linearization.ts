import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'

/** An operation as the search sees it: it takes effect at one moment between its start and its end. */
export interface Step {
  readonly startMs: number
  /** Infinity if nobody knows: then it may take effect at any later time, or never. */
  readonly endMs: number
  /** The state after it; undefined where its answer does not fit this state. */
  readonly after: (state: string) => string | undefined
  /** Whether it leaves every state that it fits as it is. */
  readonly onlyReads: boolean
}

/** Where the longest order that was found could not go on. */
export interface DeadEnd<S> {
  /** The last few steps of the order, and the state after them. */
  readonly order: readonly S[]
  readonly state: string
  /** The step that ended before any other could enter the order, and did not fit. */
  readonly stuck: S
  /** Others that could have come next. */
  readonly open: readonly S[]
}

/** What a search came to: there is an order, or none, or it was given up. */
export type Verdict<S> = 'order' | 'no verdict' | DeadEnd<S>

/**
 * Looks for an order of all steps that have an end, and of any of the others, in which each takes effect within its time
 * and fits the state that it finds.
 *
 * The search is that of J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (1993), as improved by G. Lowe,
 * "Testing for Linearizability" (2017): starts and ends stand in a linked list, from which a step is lifted when it enters
 * the order; a step may enter as long as no end stands before its start; and what was reached once, a set of steps in the
 * order and a state, is not searched again. Two sets are taken for the same if their 64-bit sums are (Zobrist's hashing); by
 * such an accident, some one in a hundred million, an order could be missed but none be made up.
 *
 * A step that only reads enters as soon as it fits, and nothing else is tried in its place: if any order goes on from here,
 * so does the one in which that step comes first. This does not hold for a write that happens to change nothing: it may be
 * needed later.
 *
 * @param maxReached how many sets and states are searched before it is given up; each takes some 100 bytes
 */
export function findOrder<S extends Step>(
  steps: readonly S[],
  initial: string,
  maxReached: number,
): Verdict<S> {
  return new Search(steps, initial).run(maxReached)
}

/** The start or the end of a step that is not in the order yet. */
interface Event<S> {
  readonly step: S
  readonly isStart: boolean
  readonly timeMs: number
  /** The end of the same step, where it has one. */
  readonly end: Event<S> | undefined
  /** The step's part of the sum of a set. */
  readonly mark: readonly [number, number]
  previous: Event<S>
  next: Event<S>
}

class Search<S extends Step> {
  /** The list is a ring, and this is where it begins and ends. */
  readonly #ring: Event<S>
  readonly #reached = new Set<string>()
  readonly #order: { readonly event: Event<S>; readonly stateBefore: string }[] = []
  #sum: [number, number] = [0, 0]
  #state: string
  /** Steps that must enter the order, and have not. */
  #missing: number

  constructor(steps: readonly S[], initial: string) {
    this.#ring = ringOf(steps)
    this.#state = initial
    this.#missing = steps.filter(({ endMs }) => endMs < Infinity).length
  }

  run(maxReached: number): Verdict<S> {
    let deadEnd: DeadEnd<S> | undefined
    let leastMissing = Infinity
    let event = this.#firstChoice()
    while (this.#missing > 0) {
      if (this.#reached.size >= maxReached) return 'no verdict'
      if (event.isStart) {
        event = this.#enter(event) ? this.#firstChoice() : this.#nextChoice(event)
        continue
      }
      if (this.#missing < leastMissing) {
        leastMissing = this.#missing
        deadEnd = this.#deadEndAt(event)
      }
      const last = this.#leave()
      if (!last) return deadEnd as DeadEnd<S> // it was noted here before, at the latest
      event = this.#nextChoice(last)
    }
    return 'order'
  }

  /** A step that only reads and fits; else the first in the list. */
  #firstChoice(): Event<S> {
    let event = this.#ring.next
    for (; event.isStart; event = event.next) if (this.#isReadThatFits(event)) return event
    return this.#ring.next
  }

  /** What to try when `event` led to nothing; an end, if nothing is left to try. */
  #nextChoice(event: Event<S>): Event<S> {
    if (!this.#isReadThatFits(event)) return event.next
    let end = this.#ring.next
    while (end.isStart) end = end.next
    return end
  }

  #isReadThatFits({ step }: Event<S>): boolean {
    return step.onlyReads && step.after(this.#state) !== undefined
  }

  /** Puts a step at the end of the order, if it fits and leads to what was not reached yet. */
  #enter(event: Event<S>): boolean {
    const after = event.step.after(this.#state)
    if (after === undefined) return false
    const [a, b] = [this.#sum[0] ^ event.mark[0], this.#sum[1] ^ event.mark[1]]
    const name = `${a},${b},${after}`
    if (this.#reached.has(name)) return false
    this.#reached.add(name)
    this.#order.push({ event, stateBefore: this.#state })
    this.#sum = [a, b]
    this.#state = after
    unlink(event)
    if (event.end) {
      unlink(event.end)
      this.#missing--
    }
    return true
  }

  /** Takes the last step out of the order again; undefined if there is none. */
  #leave(): Event<S> | undefined {
    const last = this.#order.pop()
    if (!last) return undefined
    const { event, stateBefore } = last
    if (event.end) {
      relink(event.end)
      this.#missing++
    }
    relink(event)
    this.#sum = [this.#sum[0] ^ event.mark[0], this.#sum[1] ^ event.mark[1]]
    this.#state = stateBefore
    return event
  }

  #deadEndAt({ step: stuck }: Event<S>): DeadEnd<S> {
    const open: S[] = []
    for (let event = this.#ring.next; event.isStart; event = event.next)
      if (event.step !== stuck) open.push(event.step)
    return { order: this.#order.slice(-3).map(({ event }) => event.step), state: this.#state, stuck, open }
  }
}

/** Starts and ends in the order of time. At the same moment starts come first: such steps count as concurrent. */
function ringOf<S extends Step>(steps: readonly S[]): Event<S> {
  const random = seededRandom(steps.length)
  const bits = () => Math.floor(random() * 2 ** 32) | 0
  const eventOf = (step: S, isStart: boolean, timeMs: number, end?: Event<S>): Event<S> => {
    const event = { step, isStart, timeMs, end, mark: [bits(), bits()] } as unknown as Event<S>
    event.previous = event.next = event
    return event
  }
  const events = steps.flatMap((step) => {
    const end = step.endMs < Infinity ? eventOf(step, false, step.endMs) : undefined
    const start = eventOf(step, true, step.startMs, end)
    return end ? [start, end] : [start]
  })
  events.sort((a, b) => a.timeMs - b.timeMs || Number(b.isStart) - Number(a.isStart))
  const ring = eventOf(undefined as unknown as S, false, Infinity)
  for (const event of events) {
    event.previous = ring.previous
    event.next = ring
    relink(event)
  }
  return ring
}

function unlink<S>({ previous, next }: Event<S>): void {
  previous.next = next
  next.previous = previous
}

/** Undoes `unlink`. Works only in the opposite order of unlinking, which is that of a stack. */
function relink<S>(event: Event<S>): void {
  event.previous.next = event
  event.next.previous = event
}

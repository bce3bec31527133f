import type { Entry } from '../log/entry.js'
import { errorTypeOf, type Tracer } from '../observe/tracing.js'

/** Entries whose traces are remembered until every follower has them; of more, the oldest are forgotten. */
const MOST_REMEMBERED = 256

/**
 * The spans of jobs: one for each sampled entry that a job to a follower names for the first time, as a part of that entry's
 * trace. An entry that a follower had from the append itself before its next job was due has none: there was no push.
 */
export class PushSpans {
  readonly #tracer: Tracer
  /** Sampled entries, oldest first. */
  #entries: Entry[] = []

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** Entries were appended. */
  committed(entries: readonly Entry[]): void {
    for (const entry of entries) if (entry.trace) this.#entries.push(entry)
    if (this.#entries.length > MOST_REMEMBERED) this.#entries = this.#entries.slice(-MOST_REMEMBERED)
  }

  /** Every follower has what is up to `index`. */
  copied(index: number): void {
    const [oldest] = this.#entries
    if (oldest && oldest.index <= index) this.#entries = this.#entries.filter((entry) => entry.index > index)
  }

  forget(): void {
    this.#entries = []
  }

  /** A job is sent to `follower`, which names all from behind `after` up to `to`; `sent` settles when it is in the queue. */
  pushed(follower: string, after: number, to: number, sent: Promise<void>): void {
    const spans = this.#entries
      .filter(({ index }) => index > after && index <= to)
      .map(({ trace }) =>
        this.#tracer.start('leasehold.push', {
          kind: 'producer',
          ...(trace && { parent: trace }),
          attributes: { 'leasehold.follower.id': follower, 'leasehold.push.to': to },
        }),
      )
    if (spans.length === 0) return
    sent.then(
      () => spans.forEach((span) => span.end()),
      (error: unknown) => spans.forEach((span) => span.end({ errorType: errorTypeOf(error) })),
    )
  }
}

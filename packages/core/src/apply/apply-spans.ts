import type { Clock } from '../clock.js'
import { CommandError } from '../errors.js'
import type { Entry } from '../log/entry.js'
import { isTraceparent, type Span, type Tracer } from '../observe/tracing.js'
import type { Applied } from './applier.js'

/** How long after a replica was last at the head what it applies still counts as news. */
export const NEWS_MS = 30_000

/**
 * The spans of entries that are applied here, each a part of its write's trace, in whichever process that began.
 *
 * Not of what a replica reads to come back: what stands in the log may be days old, and nobody looks at its trace any more; a
 * newcomer would make a span for each of thousands. So a replica must have been at the head before, and not longer ago than
 * `NEWS_MS` by the monotonic clock: what it applies then was appended since.
 */
export class ApplySpans {
  readonly #tracer: Tracer
  readonly #clock: Clock
  readonly #isLeader: () => boolean
  #atHeadMs = -Infinity

  constructor(tracer: Tracer, clock: Clock, isLeader: () => boolean) {
    this.#tracer = tracer
    this.#clock = clock
    this.#isLeader = isLeader
  }

  /** The replica has all that the log had when it was last looked at. */
  atHead(): void {
    this.#atHeadMs = this.#clock.now()
  }

  /** What the replica has is gone: it begins to come back. */
  lost(): void {
    this.#atHeadMs = -Infinity
  }

  /** Called for an entry with a trace, right before it is applied. */
  start(entry: Entry): Span | undefined {
    const { index, term, command, trace } = entry
    const isLeader = this.#isLeader()
    const isNews = isLeader || this.#clock.now() - this.#atHeadMs <= NEWS_MS
    if (!trace || !isNews || !isTraceparent(trace.traceparent)) return undefined
    return this.#tracer.start('leasehold.apply', {
      kind: isLeader ? 'internal' : 'consumer',
      parent: trace,
      attributes: {
        'leasehold.command.name': command,
        'leasehold.entry.index': index,
        'leasehold.entry.term': term,
      },
    })
  }

  /** It was applied. A command that says no has answered, as it does on every replica; all else that fails is an error. */
  end(span: Span, applied: Applied): void {
    if (applied.ok || applied.error instanceof CommandError) span.end()
    else span.end({ errorType: applied.error.code })
  }
}

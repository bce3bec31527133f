import type { Logger } from './logger.js'
import type { Span, SpanAttributes, SpanStart, Tracer } from './tracing.js'

/** What stands in for a span that could not be begun. */
const NO_SPAN: Span = { context: undefined, isRecording: false, run: (fn) => fn(), end: () => {} }

/**
 * A tracer as a node uses it: each span says whose it is, and nothing that the tracer throws reaches the write, or the replica,
 * that it was to watch (an entry that could not be applied for it would stop this replica).
 */
export class NodeTracer implements Tracer {
  readonly #tracer: Tracer
  readonly #attributes: SpanAttributes
  readonly #logger: Logger
  #told = false

  /** @param attributes stand on every span */
  constructor(tracer: Tracer, attributes: SpanAttributes, logger: Logger) {
    this.#tracer = tracer
    this.#attributes = attributes
    this.#logger = logger
  }

  start(name: string, { kind = 'internal', parent, attributes }: SpanStart = {}): Span {
    // The tracer gets spans of its own, not what is around them.
    const of = parent instanceof GuardedSpan ? parent.span : parent
    return this.#guard(
      () => {
        const start = { kind, attributes: { ...this.#attributes, ...attributes }, ...(of && { parent: of }) }
        return new GuardedSpan(this.#tracer.start(name, start), this.#guard)
      },
      () => NO_SPAN,
    )
  }

  isActive(): boolean {
    return this.#guard(
      () => this.#tracer.isActive(),
      () => false,
    )
  }

  runSilently<T>(fn: () => T): T {
    return runWithin((run) => this.#tracer.runSilently(run), fn, this.#guard)
  }

  /** Not told each time: what fails does so for each span. */
  #guard: Guard = (attempt, otherwise) => {
    try {
      return attempt()
    } catch (error) {
      if (!this.#told)
        this.#logger.warn(
          { event: 'tracerFailed', err: error },
          'the tracer failed; spans are missing, nothing else is',
        )
      this.#told = true
      return otherwise()
    }
  }
}

type Guard = <T>(attempt: () => T, otherwise: () => T) => T

class GuardedSpan implements Span {
  readonly span: Span
  readonly #guard: Guard

  constructor(span: Span, guard: Guard) {
    this.span = span
    this.#guard = guard
  }

  get context(): Span['context'] {
    return this.#guard(
      () => this.span.context,
      () => undefined,
    )
  }

  get isRecording(): boolean {
    return this.#guard(
      () => this.span.isRecording,
      () => false,
    )
  }

  run<T>(fn: () => T): T {
    return runWithin((run) => this.span.run(run), fn, this.#guard)
  }

  end(how?: Parameters<Span['end']>[0]): void {
    this.#guard(
      () => this.span.end(how),
      () => {},
    )
  }
}

/** Runs `fn` once, within what the tracer does around it, or without if that fails; what `fn` itself throws is its own. */
function runWithin<T>(around: (run: () => void) => void, fn: () => T, guard: Guard): T {
  let ran: { readonly result: T } | { readonly error: unknown } | undefined
  const run = () => {
    try {
      ran = { result: fn() }
    } catch (error) {
      ran = { error }
    }
  }
  guard(
    () => around(run),
    () => {},
  )
  if (!ran) run()
  const outcome = ran as unknown as { readonly result: T } | { readonly error: unknown }
  if ('error' in outcome) throw outcome.error
  return outcome.result
}

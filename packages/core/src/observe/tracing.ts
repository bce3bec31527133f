/**
 * A span's place in its trace, in the words of W3C Trace Context: what stands in the headers `traceparent` and `tracestate` of
 * a request, and in an entry of the log whose write is sampled.
 */
export interface TraceContext {
  /** Version, trace, span and flags: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`. */
  readonly traceparent: string
  /** What the makers of tracing systems add; undefined for nothing. */
  readonly tracestate?: string | undefined
}

/** What a span says of what it stands for. Never a secret, nor anything of the user's data but names of commands. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

/** How a span begins. */
export interface SpanStart {
  /** Default `'internal'`. */
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  /** What it is a part of. Default: the span that is active where it is begun; where none is, it begins a trace. */
  readonly parent?: Span | TraceContext
  readonly attributes?: SpanAttributes
}

/** How a span ends. */
export interface SpanEnd {
  /** Marks it as failed: a stable code, such as that of an error. Never a message, which may quote what is nobody's business. */
  readonly errorType?: string | undefined
  readonly attributes?: SpanAttributes
}

/** One stretch of time in a trace. */
export interface Span {
  /** Where others go on with the trace, also one that is not sampled; undefined where there is no trace at all. */
  readonly context: TraceContext | undefined
  /** False if nothing that is said of it is kept: it need not be ended then. */
  readonly isRecording: boolean
  /** Runs `fn` with this span as the active one, also in what it awaits. */
  run<T>(fn: () => T): T
  /** Called once. */
  end(how?: SpanEnd): void
}

/**
 * Makes the spans of a node (option `tracer`). `@leasehold/core/otel` has one for OpenTelemetry; another tracing system takes a
 * class of your own. Whatever it throws is logged and changes nothing.
 */
export interface Tracer {
  start(name: string, start?: SpanStart): Span
  /** Whether a span is active here, which one that is begun without a parent becomes a part of. */
  isActive(): boolean
  /**
   * Runs `fn` so that what else makes spans stays silent: an HTTP client that is instrumented would set headers of its own
   * beside those that it is given. Where nothing else does, just `fn()`.
   */
  runSilently<T>(fn: () => T): T
}

const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/

/** Whether a text is a `traceparent`, of this version of the format or a later one. */
export function isTraceparent(text: unknown): text is string {
  return typeof text === 'string' && text.length <= 256 && TRACEPARENT.test(text)
}

/** Whether somebody keeps the spans of this trace. */
export function isSampled(context: TraceContext | undefined): context is TraceContext {
  return context !== undefined && (Number.parseInt(context.traceparent.slice(53, 55), 16) & 1) === 1
}

/** What an error is called in a span. */
export function errorTypeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string') return code
  return typeof name === 'string' ? name : typeof error
}

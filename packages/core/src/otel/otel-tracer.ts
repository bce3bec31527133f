import {
  type Context,
  context,
  createContextKey,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer as OtelTracer,
  type TracerProvider,
} from '@opentelemetry/api'
import {
  isTraceparent,
  type Span,
  type SpanStart,
  type TraceContext,
  type Tracer,
} from '../observe/tracing.js'

/** Options of `createOtelTracer`. */
export interface OtelTracerOptions {
  /** Whose spans they are. Default: the provider that is registered globally, also if that happens later. */
  readonly tracerProvider?: TracerProvider
}

/** Under this name `@opentelemetry/core` has it, which every SDK and propagator looks at. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

/**
 * Makes a node's spans (option `tracer`) with OpenTelemetry: a write then is one trace, from the request at whichever instance
 * over forwarding and the log to each replica. Which traces are kept is for the SDK's sampler to say. Needs
 * `@opentelemetry/api`, and an SDK whose context manager is registered; without one there are no spans.
 *
 * @example
 * ```ts
 * new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] }).register()
 * const node = createNode({ group: 'bank', redis, stateMachine: bank, tracer: createOtelTracer() })
 * ```
 */
export function createOtelTracer({ tracerProvider }: OtelTracerOptions = {}): Tracer {
  // The global one is a stand-in that finds the provider which is registered by then.
  const tracer = (tracerProvider ?? trace).getTracer('@leasehold/core')
  return {
    start: (name, start = {}) => new SpanInOtel(begin(tracer, name, start)),
    isActive: () => {
      const active = trace.getSpanContext(context.active())
      return active !== undefined && isSpanContextValid(active)
    },
    runSilently: (fn) => context.with(context.active().setValue(SUPPRESSED, true), fn),
  }
}

function begin(tracer: OtelTracer, name: string, { kind = 'internal', parent, attributes }: SpanStart) {
  return tracer.startSpan(name, { kind: KINDS[kind], ...(attributes && { attributes }) }, contextOf(parent))
}

function contextOf(parent: Span | TraceContext | undefined): Context {
  if (parent === undefined) return context.active()
  if (parent instanceof SpanInOtel) return trace.setSpan(ROOT_CONTEXT, parent.span)
  const from = 'context' in parent ? parent.context : parent
  const remote = from && parse(from)
  return remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT
}

class SpanInOtel implements Span {
  readonly span: OtelSpan

  constructor(span: OtelSpan) {
    this.span = span
  }

  get context(): TraceContext | undefined {
    const own = this.span.spanContext()
    return isSpanContextValid(own) ? format(own) : undefined
  }

  get isRecording(): boolean {
    return this.span.isRecording()
  }

  run<T>(fn: () => T): T {
    return context.with(trace.setSpan(context.active(), this.span), fn)
  }

  end({ errorType, attributes }: Parameters<Span['end']>[0] = {}): void {
    if (attributes) this.span.setAttributes(attributes)
    if (errorType !== undefined) {
      this.span.setAttribute('error.type', errorType)
      this.span.setStatus({ code: SpanStatusCode.ERROR, message: errorType })
    }
    this.span.end()
  }
}

function format({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0')
  const tracestate = traceState?.serialize() || undefined
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate }
}

/** Undefined for what is not well-formed: a client may send anything. */
function parse({ traceparent, tracestate }: TraceContext): SpanContext | undefined {
  if (!isTraceparent(traceparent)) return undefined
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  const traceState = tracestate ? createTraceState(tracestate) : undefined
  const traceFlags = Number.parseInt(flags, 16)
  return { traceId, spanId, traceFlags, isRemote: true, ...(traceState && { traceState }) }
}

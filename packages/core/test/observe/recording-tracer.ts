import type { Span, SpanEnd, SpanStart, Tracer } from '../../src/observe/tracing.js'

/** A span as it was made. */
export interface RecordedSpan {
  readonly name: string
  readonly start: SpanStart
  /** Set once it has ended. */
  end?: SpanEnd
}

/** A tracer that keeps what it is told. */
export class RecordingTracer implements Tracer {
  readonly spans: RecordedSpan[] = []

  start(name: string, start: SpanStart = {}): Span {
    const span: RecordedSpan = { name, start }
    this.spans.push(span)
    return {
      context: undefined,
      isRecording: true,
      run: (fn) => fn(),
      end: (end = {}) => void (span.end = end),
    }
  }

  isActive(): boolean {
    return false
  }

  runSilently<T>(fn: () => T): T {
    return fn()
  }
}

/** Where the trace of a sampled write goes on. */
export const TRACE = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }

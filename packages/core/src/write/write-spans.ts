import type { AppendOutcome } from '../log/log-store.js'
import { errorTypeOf, isSampled, type Span, type TraceContext, type Tracer } from '../observe/tracing.js'
import type { Committed, PendingWrite } from './pending-writes.js'

/** A `tracestate` that is longer stays out of the log; W3C Trace Context lets it be dropped from there on. */
const LONGEST_TRACESTATE = 512

/** From the call of `write` or `submit` to its answer. Undefined as well where nobody would keep it: most writes are not sampled. */
export function startWrite(tracer: Tracer | undefined, command: string): Span | undefined {
  const span = tracer?.start('leasehold.write', { attributes: { 'leasehold.command.name': command } })
  return span?.isRecording ? span : undefined
}

/** Ends a write's span with its answer. */
export function endWrite(span: Span, answer: Promise<Committed>): void {
  answer.then(
    ({ index, term }) => {
      span.end({ attributes: { 'leasehold.entry.index': index, 'leasehold.entry.term': term } })
    },
    (error: unknown) => span.end({ errorType: errorTypeOf(error) }),
  )
}

/**
 * What an entry carries of its write's span, for those who push and apply it. Nothing unless that is sampled: others would
 * have nothing to add to it, and every replica keeps the log.
 */
export function carriedTrace(span: Span | undefined): TraceContext | undefined {
  const context = span?.context
  if (!isSampled(context)) return undefined
  const { traceparent, tracestate } = context
  return { traceparent, tracestate: (tracestate?.length ?? 0) > LONGEST_TRACESTATE ? undefined : tracestate }
}

/**
 * An append's spans: one for each sampled write of the batch, all over the same time, so that each trace is whole by itself.
 * One span for the batch could be a part of one of their traces only; `leasehold.batch.first` tells which belong together.
 *
 * @returns called with what came of it; undefined for a reply that was lost
 */
export function startAppend(
  tracer: Tracer,
  batch: readonly PendingWrite[],
): (outcome: AppendOutcome | undefined) => void {
  const spans: Span[] = []
  for (const { span: parent } of batch) {
    if (!parent) continue
    const attributes = { 'leasehold.batch.entries': batch.length }
    spans.push(tracer.start('leasehold.append', { kind: 'client', parent, attributes }))
  }
  return (outcome) => {
    for (const span of spans) {
      if (outcome?.kind === 'appended') span.end({ attributes: { 'leasehold.batch.first': outcome.first } })
      else span.end({ errorType: outcome ? outcome.kind.toUpperCase() : 'OUTCOME_UNKNOWN' })
    }
  }
}

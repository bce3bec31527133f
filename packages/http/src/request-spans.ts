import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorTypeOf, isTraceparent, type LeaderInfo, type Span, type TraceContext } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { aborted } from './gone-signal.js'
import type { CallOutcome } from './leader-call.js'

/** What the reply of a request that nobody answers any more is called. */
const INCOMPLETE = 'INCOMPLETE'

/**
 * Runs `serve` as a part of the request's trace: the span that is active here, as the app's own instrumentation of HTTP makes
 * it, or what the client says in its headers. The span ends with the reply.
 *
 * @param gone aborts when nobody waits for the reply any more
 */
export function traceRequest<T>(
  { tracer }: AdapterNode,
  req: IncomingMessage,
  res: ServerResponse,
  gone: AbortSignal,
  serve: () => T,
): T {
  if (!tracer) return serve()
  const isInner = tracer.isActive()
  const client = isInner ? undefined : contextIn(req)
  const span = tracer.start('leasehold.request', {
    kind: isInner ? 'internal' : 'server',
    ...(client && { parent: client }),
    attributes: { 'http.request.method': req.method ?? '' },
  })
  void aborted(gone).then(() => endWithReply(span, res, {}))
  return span.run(serve)
}

/** A span for one try to have the leader serve a request. */
export function startForward(
  { tracer }: AdapterNode,
  { method = '' }: IncomingMessage,
  leader: LeaderInfo,
  attempt: number,
): Span | undefined {
  return tracer?.start('leasehold.forward', {
    kind: 'client',
    attributes: {
      'http.request.method': method,
      'leasehold.leader.id': leader.id,
      'leasehold.leader.term': leader.term,
      'leasehold.forward.attempt': attempt,
    },
  })
}

/** Has whoever gets these headers go on with this span's trace. What the client said of it was for this instance. */
export function carryTrace({ context }: Span, headers: Record<string, string | string[]>): void {
  if (!context) return
  delete headers['tracestate']
  headers['traceparent'] = context.traceparent
  if (context.tracestate !== undefined) headers['tracestate'] = context.tracestate
}

/** The reason of a try that failed is the network's error, where there was one. */
export function endForward(span: Span, outcome: CallOutcome, res: ServerResponse): void {
  const attributes = { 'leasehold.forward.outcome': outcome.kind }
  if (outcome.kind === 'answered') return endWithReply(span, res, attributes)
  const otherwise = outcome.kind === 'refused' ? 'NOT_LEADER' : 'OUTCOME_UNKNOWN'
  span.end({ errorType: outcome.cause ? errorTypeOf(outcome.cause) : otherwise, attributes })
}

/** The time in which a request waits for a leader. */
export async function traceHold<T>({ tracer }: AdapterNode, wait: () => Promise<T>): Promise<T> {
  const span = tracer?.start('leasehold.hold')
  try {
    const found = await wait()
    span?.end()
    return found
  } catch (error) {
    span?.end({ errorType: errorTypeOf(error) })
    throw error
  }
}

/** An answer is one, whatever it says, unless it says that the server has failed. */
function endWithReply(
  span: Span,
  { statusCode, writableEnded }: ServerResponse,
  attributes: Record<string, string>,
) {
  if (!writableEnded) return span.end({ errorType: INCOMPLETE, attributes })
  span.end({
    errorType: statusCode >= 500 ? String(statusCode) : undefined,
    attributes: { ...attributes, 'http.response.status_code': statusCode },
  })
}

/** What the client, or the instance that forwarded the request, says of its trace. */
function contextIn({ headers }: IncomingMessage): TraceContext | undefined {
  const { traceparent, tracestate } = headers
  if (!isTraceparent(traceparent)) return undefined
  return { traceparent, tracestate: tracestate === undefined ? undefined : String(tracestate) }
}

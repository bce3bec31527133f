import type { AppendOutcome } from '../../src/log/log-store.js'
import type { Span } from '../../src/observe/tracing.js'
import type { PendingWrite } from '../../src/write/pending-writes.js'
import { carriedTrace, startAppend } from '../../src/write/write-spans.js'
import { RecordingTracer, TRACE } from '../observe/recording-tracer.js'

const spanAt = (context: Span['context']): Span => ({
  context,
  isRecording: true,
  run: (fn) => fn(),
  end: () => {},
})

it.each<[AppendOutcome | undefined, object]>([
  [{ kind: 'appended', first: 7, timeMs: 1 }, { attributes: { 'leasehold.batch.first': 7 } }],
  [{ kind: 'fenced', why: 'term 9' }, { errorType: 'FENCED' }],
  [{ kind: 'moved' }, { errorType: 'MOVED' }],
  [{ kind: 'refused', error: new Error('OOM'), lasting: false }, { errorType: 'REFUSED' }],
  [undefined, { errorType: 'OUTCOME_UNKNOWN' }],
])('an append that comes to %j ends so', (outcome, end) => {
  const tracer = new RecordingTracer()
  const [parent] = [spanAt(TRACE)]
  const batch = [{ span: parent }, { span: undefined }] as PendingWrite[]
  startAppend(tracer, batch)(outcome)
  const attributes = { 'leasehold.batch.entries': 2 }
  expect(tracer.spans).toEqual([
    { name: 'leasehold.append', start: { kind: 'client', parent, attributes }, end },
  ])
})

it('an entry carries a sampled trace, with what belongs to it while that is short', () => {
  const state = (tracestate: string) => carriedTrace(spanAt({ ...TRACE, tracestate }))
  expect(state('a=1')).toEqual({ ...TRACE, tracestate: 'a=1' })
  expect(state(`a=${'x'.repeat(511)}`)).toEqual({ ...TRACE, tracestate: undefined })
  expect(carriedTrace(spanAt({ traceparent: TRACE.traceparent.replace(/1$/, '0') }))).toBeUndefined()
  expect(carriedTrace(spanAt(undefined))).toBeUndefined()
  expect(carriedTrace(undefined)).toBeUndefined()
})

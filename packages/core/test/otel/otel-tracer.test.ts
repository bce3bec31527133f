import { context, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { isTraceparent } from '../../src/observe/tracing.js'
import { createOtelTracer } from '../../src/otel/index.js'

const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = createOtelTracer({ tracerProvider })

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'

beforeAll(() => context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
afterEach(() => exporter.reset())
afterAll(() => {
  context.disable()
  trace.disable()
})

it('goes on with a trace from elsewhere, and says where others go on', () => {
  const parent = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, tracestate: 'a=1,b=2' }
  const span = tracer.start('there', { kind: 'consumer', parent, attributes: { some: 1 } })
  expect(span.context).toEqual({
    traceparent: expect.stringMatching(new RegExp(`^00-${TRACE_ID}-[\\da-f]{16}-01$`)),
    tracestate: 'a=1,b=2',
  })
  tracer.start('below', { parent: span }).end()
  span.end({ errorType: 'BROKEN', attributes: { more: 2 } })
  const [below, there] = exporter.getFinishedSpans()
  expect(there).toMatchObject({
    kind: SpanKind.CONSUMER,
    parentSpanContext: { traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true },
    attributes: { some: 1, more: 2, 'error.type': 'BROKEN' },
    status: { message: 'BROKEN' },
  })
  const { parentSpanContext } = below ?? {}
  expect(parentSpanContext).toMatchObject({ spanId: there?.spanContext().spanId })
  expect(parentSpanContext?.isRemote).toBeFalsy()
})

it.each<[unknown, string]>([
  ['', 'nothing'],
  [`00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`, 'two of them'],
  [`ff-${TRACE_ID}-${SPAN_ID}-01`, 'the version that there never is'],
  [`00-${'0'.repeat(32)}-${SPAN_ID}-01`, 'no trace'],
  [`00-${TRACE_ID}-${'0'.repeat(16)}-01`, 'no span'],
  [`00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`, 'capitals'],
  [`00-${TRACE_ID}-${SPAN_ID}-01-${'x'.repeat(300)}`, 'far too much'],
  [7, 'a number'],
])('begins a trace of its own where %j is named as the parent: %s', (traceparent) => {
  expect(isTraceparent(traceparent)).toBe(false)
  tracer.start('alone', { parent: { traceparent: traceparent as string } }).end()
  expect(exporter.getFinishedSpans()[0]?.parentSpanContext).toBeUndefined()
})

it('knows what later versions of the header begin with', () => {
  const traceparent = `01-${TRACE_ID}-${SPAN_ID}-01-more`
  tracer.start('below', { parent: { traceparent } }).end()
  expect(exporter.getFinishedSpans()[0]?.parentSpanContext).toMatchObject({ spanId: SPAN_ID })
})

it('a span that runs something is active there, also in what that awaits, and nowhere else', async () => {
  const span = tracer.start('outer')
  expect(tracer.isActive()).toBe(false)
  await span.run(async () => {
    await Promise.resolve()
    expect(tracer.isActive()).toBe(true)
    tracer.start('inner').end()
  })
  expect(tracer.isActive()).toBe(false)
  span.end()
  const [inner, outer] = exporter.getFinishedSpans()
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId)
})

it('where it is to be silent, nobody makes a span', () => {
  tracer.runSilently(() => tracerProvider.getTracer('another').startSpan('GET').end())
  expect(exporter.getFinishedSpans()).toEqual([])
})

it('without an SDK there are no spans, and a trace from elsewhere passes through', () => {
  const bare = createOtelTracer()
  expect(bare.start('alone')).toMatchObject({ context: undefined, isRecording: false })
  const parent = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }
  expect(bare.start('below', { parent }).context).toEqual({ ...parent, tracestate: undefined })
})

it('finds an SDK that is registered later', () => {
  const bare = createOtelTracer()
  trace.setGlobalTracerProvider(tracerProvider)
  bare.start('late').end()
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['late'])
})

import { context, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { CommandError, createNode, defineStateMachine, type Span, type Tracer } from '../src/index.js'
import { createOtelTracer } from '../src/otel/index.js'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis, stopAllRedis } from '../../../test/support/redis-server.js'
import { Redis } from 'ioredis'
import { newGroup, stopNodes, track } from './nodes.js'

const notes = defineStateMachine({
  name: 'notes',
  version: 1,
  initial: () => ({ texts: [] as string[] }),
  commands: {
    add: (state, text: string) => state.texts.push(text),
    refuse() {
      throw new CommandError('no')
    },
    break() {
      throw new Error('a text that quotes what was written')
    },
  },
})

let redis: RedisServer
let client: Redis

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  redis = await startRedis()
  client = new Redis(redis.url)
})
afterEach(stopNodes)
afterAll(async () => {
  context.disable()
  client.disconnect()
  await stopAllRedis()
})

/** OpenTelemetry as an app sets it up, and the spans that it has made. */
function telemetry({ sampled = true } = {}) {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(!sampled && { sampler: new AlwaysOffSampler() }),
  })
  const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name)
  return { exporter, tracerProvider, named, tracer: createOtelTracer({ tracerProvider }) }
}

async function startNode(group: string, tracer?: Tracer, options: object = {}) {
  const quick = { lease: { ttlMs: 1000 }, heartbeatMs: 100, settleMs: 100 }
  const node = track(
    createNode({
      ...{ ...quick, ...options, group, redis: redis.url, stateMachine: notes },
      name: `t${Math.random().toString(36).slice(2)}`,
      ...(tracer && { tracer }),
    }),
  )
  await node.start()
  return node
}

async function entriesOf(group: string): Promise<Record<string, unknown>[]> {
  const entries = await client.xrange(`leasehold:{${group}}:log`, '-', '+')
  return entries.map(([, fields]) => JSON.parse(fields[1] ?? ''))
}

const parentOf = ({ parentSpanContext }: ReadableSpan) => parentSpanContext?.spanId

it('writes of one batch are traces of their own, each with its append, and one that is not traced has none', async () => {
  const group = newGroup()
  const { tracer, named, tracerProvider } = telemetry()
  const node = await startNode(group, tracer)
  const own = tracerProvider.getTracer('the app')
  const requests = ['one', 'two'].map((name) => own.startSpan(name))
  const unsampled = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: TraceFlags.NONE }
  await Promise.all([
    ...requests.map((span) =>
      context.with(trace.setSpan(context.active(), span), () => node.write('add', 'a')),
    ),
    context.with(trace.setSpanContext(context.active(), unsampled), () => node.write('add', 'b')),
  ])
  const appends = named('leasehold.append')
  expect(appends.map(({ attributes }) => attributes)).toEqual(
    [0, 1].map(() => ({
      'leasehold.batch.entries': 3,
      'leasehold.batch.first': 1,
      'leasehold.group.name': group,
      'leasehold.instance.id': node.id,
    })),
  )
  const writes = named('leasehold.write')
  expect(writes.map(parentOf)).toEqual(requests.map((span) => span.spanContext().spanId))
  expect(appends.map(parentOf)).toEqual(writes.map((span) => span.spanContext().spanId))
  expect((await entriesOf(group)).map(({ p }) => p)).toEqual([
    ...writes.map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`),
    undefined,
  ])
})

it('the state and what is audited of it are the same with spans, without, and under a sampler that takes none', async () => {
  const group = newGroup()
  const leader = await startNode(group, telemetry().tracer)
  const off = telemetry({ sampled: false })
  const followers = await Promise.all([startNode(group), startNode(group, off.tracer)])
  for (let at = 0; at < 128; at++) await leader.write('add', `text ${at}`)
  await eventually(() => leader.status().audit.agreedIndex >= 128)
  for (const node of [leader, ...followers]) {
    expect(node.status().audit).toMatchObject({ differs: undefined, rebuilds: 0 })
    await node.readAt({ consistency: 'linearizable' }, ({ texts }) => expect(texts).toHaveLength(128))
  }
  expect(off.exporter.getFinishedSpans()).toEqual([])
})

it('a command that breaks is an error on every replica; a write that is refused says by what', async () => {
  const group = newGroup()
  const [one, two] = [telemetry(), telemetry()]
  const leader = await startNode(group, one.tracer)
  const follower = await startNode(group, two.tracer)
  await expect(leader.write('break')).rejects.toThrow('quotes')
  await expect(follower.write('add', 'x')).rejects.toMatchObject({ code: 'NOT_LEADER' })
  await eventually(() => two.named('leasehold.apply').length > 0)
  const failed = { code: SpanStatusCode.ERROR, message: 'COMMAND_FAILED' }
  for (const [span, kind] of [
    [one.named('leasehold.apply')[0], SpanKind.INTERNAL],
    [two.named('leasehold.apply')[0], SpanKind.CONSUMER],
    [one.named('leasehold.write')[0], SpanKind.INTERNAL],
  ] as const) {
    expect(span).toMatchObject({ status: failed, kind, attributes: { 'error.type': 'COMMAND_FAILED' } })
    expect(span?.events).toEqual([]) // an exception's message may quote anything
  }
  expect(two.named('leasehold.write')[0]?.status).toEqual({
    code: SpanStatusCode.ERROR,
    message: 'NOT_LEADER',
  })
})

it('an entry that fits only without its trace goes without', async () => {
  const group = newGroup()
  const { tracer, named } = telemetry()
  const node = await startNode(group, tracer, { maxEntryBytes: 256 })
  await node.write('add', 'x')
  const [{ o = '' } = {}] = (await entriesOf(group)) as { o?: string }[]
  const rest = JSON.stringify({ o, f: '', v: 1, c: 'add', a: '' }).length
  await node.write('add', 'x'.repeat(256 - rest))
  await expect(node.write('add', 'x'.repeat(257 - rest))).rejects.toMatchObject({ code: 'ENTRY_TOO_LARGE' })
  expect((await entriesOf(group)).map(({ p }) => typeof p)).toEqual(['string', 'undefined'])
  expect(named('leasehold.write').map(({ status }) => status.message)).toEqual([
    undefined,
    undefined,
    'ENTRY_TOO_LARGE',
  ])
})

it('what a tracer throws is logged once, and the write goes on', async () => {
  const fails = () => {
    throw new Error('the tracer is broken')
  }
  const span: Span = {
    get context() {
      return fails()
    },
    isRecording: true,
    run: fails,
    end: fails,
  }
  const logged: object[] = []
  const logger = { debug() {}, info() {}, warn: (fields: object) => logged.push(fields), error() {} }
  for (const start of [fails, () => span]) {
    logged.length = 0
    const node = await startNode(newGroup(), { start, isActive: fails, runSilently: fails }, { logger })
    expect(await node.write('add', 'a')).toBe(1)
    expect(await node.write('add', 'b')).toBe(2)
    expect(node.tracer?.start('any').run(() => 3)).toBe(3)
    expect(() => node.tracer?.runSilently(() => fails())).toThrow('the tracer is broken')
    expect(logged.filter((fields) => 'err' in fields)).toHaveLength(1)
  }
})

it('what is no tracer is refused', () => {
  expect(() => createNode({ group: 'g', redis: redis.url, tracer: {} as Tracer })).toThrow(
    /tracer must have the methods/,
  )
})

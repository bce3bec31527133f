// An app whose spans the tests collect. `TRACING=off`: without; `HTTP=1`: with OpenTelemetry's instrumentation of HTTP, too.
const {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-node')

const { env } = process
const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
if (env.HTTP === '1') {
  const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
  const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici')
  for (const Instrumentation of [HttpInstrumentation, UndiciInstrumentation])
    new Instrumentation().setTracerProvider(provider)
}

const { CommandError, createNode, defineStateMachine } = require('@leasehold/core')
const { createOtelTracer } = require('@leasehold/core/otel')
const { clusterErrors, clusterRouter, routeWrites } = require('@leasehold/express')
const express = require('express')

const shelf = defineStateMachine({
  name: 'shelf',
  version: 1,
  initial: () => ({ items: [] }),
  commands: {
    put: (state, item) => state.items.push(item),
    refuse() {
      throw new CommandError('no, not that')
    },
  },
})

const node = createNode({
  group: env.GROUP,
  redis: env.REDIS_URL,
  lease: { ttlMs: Number(env.LEASE_TTL_MS) },
  eligible: env.ELIGIBLE !== '0',
  heartbeatMs: 200,
  settleMs: 200,
  stateMachine: shelf,
  ...(env.TRACING !== 'off' && { tracer: createOtelTracer() }),
})
/** Requests whose handlers wait for nothing that comes: the test kills the process. */
let stuck = 0

const app = express()
app.use('/cluster', clusterRouter(node))
app.get('/spans', (_req, res) => res.json(exporter.getFinishedSpans().map(told)))
app.get('/stuck', (_req, res) => res.json(stuck))
app.use(routeWrites(node))
app.use(express.json())
app.post('/items', async (req, res) => res.json(await node.submit('put', req.body.item)))
app.post('/refused', async (_req, res) => res.json(await node.submit('refuse')))
app.post('/stuck-at-first', async (req, res) => {
  if (env.STUCK === '1') stuck++
  else res.json(await node.submit('put', req.body.item))
})
app.use(clusterErrors(node))

/** A span as the tests look at it. */
function told(span) {
  const { name, kind, attributes, status, parentSpanContext } = span
  const { traceId, spanId } = span.spanContext()
  return { name, kind, attributes, status, traceId, spanId, parentId: parentSpanContext?.spanId ?? null }
}

void (async () => {
  const { serve } = await import('../support/serve.mjs')
  await serve(app, node, { port: Number(env.PORT) })
})()

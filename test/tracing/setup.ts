// The example of docs/tracing.md, so that it compiles.
import { createNode, defineStateMachine } from '@leasehold/core'
import { createOtelTracer } from '@leasehold/core/otel'
import { clusterErrors, routeWrites } from '@leasehold/express'
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node'
import express from 'express'

const provider = new NodeTracerProvider({
  // One request in a hundred, unless whoever sends it has decided.
  sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.01) }),
  spanProcessors: [new BatchSpanProcessor(new ConsoleSpanExporter())], // or an OTLPTraceExporter
})
provider.register() // with a context manager: without one, spans do not know of each other

const counters = defineStateMachine({
  name: 'counters',
  version: 1,
  initial: () => ({ counts: {} as Record<string, number> }),
  commands: {
    add: (state, { to, by }: { to: string; by: number }) => (state.counts[to] = (state.counts[to] ?? 0) + by),
  },
})

const node = createNode({
  group: 'counters',
  redis: 'redis://127.0.0.1:6379',
  url: 'http://127.0.0.1:3000',
  stateMachine: counters,
  tracer: createOtelTracer(),
})

const app = express()
app.use(routeWrites(node))
app.use(express.json())
app.post('/counts/:to', async (req, res) => {
  res.json({ count: await node.write('add', { to: req.params.to, by: 1 }) })
})
app.use(clusterErrors(node))

export async function main(): Promise<void> {
  await node.start()
  app.listen(3000)
}

import { ApplySpans, NEWS_MS } from '../../src/apply/apply-spans.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'
import { entryAt } from '../entries.js'
import { RecordingTracer, TRACE } from '../observe/recording-tracer.js'

function spansOf({ leads = false } = {}) {
  const [clock, tracer] = [new VirtualClock(), new RecordingTracer()]
  return { clock, tracer, spans: new ApplySpans(tracer, clock, () => leads) }
}

const entry = entryAt(7, { trace: TRACE })

it('a replica that comes back makes none, whatever it reads', () => {
  const { spans } = spansOf()
  expect(spans.start(entry)).toBeUndefined()
})

it('one that was at the head makes them, until that is too long ago', async () => {
  const { spans, clock, tracer } = spansOf()
  spans.atHead()
  await clock.advance(NEWS_MS)
  expect(spans.start(entry)).toBeDefined()
  await clock.advance(1)
  expect(spans.start(entry)).toBeUndefined()
  spans.atHead()
  expect(spans.start(entry)).toBeDefined()
  expect(tracer.spans.map(({ start }) => start.kind)).toEqual(['consumer', 'consumer'])
})

it('one that starts over makes none until it is at the head again', () => {
  const { spans } = spansOf()
  spans.atHead()
  spans.lost()
  expect(spans.start(entry)).toBeUndefined()
})

it('a leader makes them of what it has just appended itself', () => {
  const { spans, tracer } = spansOf({ leads: true })
  expect(spans.start(entry)).toBeDefined()
  expect(tracer.spans[0]?.start).toMatchObject({ kind: 'internal', parent: TRACE })
})

it.each([undefined, { traceparent: 'nonsense' }, { traceparent: 5 as unknown as string }])(
  'there is none below %j',
  (trace) => {
    const { spans } = spansOf({ leads: true })
    expect(spans.start(entryAt(7, { trace }))).toBeUndefined()
  },
)

import { PushSpans } from '../../src/replicate/push-spans.js'
import { entryAt } from '../entries.js'
import { RecordingTracer, TRACE } from '../observe/recording-tracer.js'

let tracer: RecordingTracer
let spans: PushSpans

beforeEach(() => {
  tracer = new RecordingTracer()
  spans = new PushSpans(tracer)
})

const traced = (index: number) => entryAt(index, { trace: TRACE })
const pushedTo = () => tracer.spans.map(({ start }) => start.attributes?.['leasehold.push.to'])

it('a job has one for each sampled entry that it names for the first time', async () => {
  spans.committed([traced(1), entryAt(2), traced(3), traced(4)])
  spans.pushed('f', 1, 3, Promise.resolve())
  await Promise.resolve()
  expect(tracer.spans).toEqual([
    {
      name: 'leasehold.push',
      start: {
        kind: 'producer',
        parent: TRACE,
        attributes: { 'leasehold.follower.id': 'f', 'leasehold.push.to': 3 },
      },
      end: {},
    },
  ])
})

it('says why a job did not get into the queue', async () => {
  spans.committed([traced(1)])
  spans.pushed('f', 0, 1, Promise.reject(Object.assign(new Error('no Redis'), { code: 'ECONNRESET' })))
  await new Promise(setImmediate)
  expect(tracer.spans[0]?.end).toEqual({ errorType: 'ECONNRESET' })
})

it('forgets what all have, and the oldest of too many', () => {
  spans.committed(Array.from({ length: 1000 }, (_, at) => traced(at + 1)))
  spans.pushed('f', 0, 1000, Promise.resolve())
  expect(pushedTo()).toHaveLength(256)
  spans.copied(999)
  spans.pushed('g', 0, 1000, Promise.resolve())
  expect(pushedTo()).toHaveLength(257)
  spans.forget()
  spans.pushed('h', 0, 1000, Promise.resolve())
  expect(pushedTo()).toHaveLength(257)
})

import type { Span, SpanEnd, SpanStart, Tracer } from '@leasehold/core'
import express from 'express'
import { open, postJson } from './support/http-client.js'
import { closeAll, elect, freePort } from './support/instances.js'
import { type Handler, startRepeating } from './support/repeating-instances.js'
import { until } from './support/until.js'

afterEach(closeAll)

interface Recorded {
  readonly name: string
  readonly start: SpanStart
  end?: SpanEnd
}

/** Every span is at the same place of a trace. */
class Recorder implements Tracer {
  readonly spans: Recorded[] = []
  readonly context: Span['context']
  active = false

  constructor(context: Span['context']) {
    this.context = context
  }

  start(name: string, start: SpanStart = {}): Span {
    const span: Recorded = { name, start }
    this.spans.push(span)
    const end = (how: SpanEnd = {}) => void (span.end = how)
    return { context: this.context, isRecording: true, run: (fn) => fn(), end }
  }

  isActive() {
    return this.active
  }

  runSilently<T>(fn: () => T): T {
    return fn()
  }

  /** How the spans of a name have ended; those that have not, not yet. */
  ends(name: string) {
    return this.spans.filter((span) => span.name === name).map(({ end }) => end)
  }
}

const OF_CLIENT = { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, tracestate: 'of=client' }
const OWN = { traceparent: `00-${'1'.repeat(32)}-${'3'.repeat(16)}-01` }

/** A follower whose spans are recorded, and a leader that says what it was sent. */
async function startPair(
  handler: Handler = (req, res) => res.json(req.headers),
  context: Span['context'] | null = OWN,
) {
  const recorder = new Recorder(context ?? undefined)
  const [leader, follower] = await Promise.all([
    startRepeating(express, 'leader', {}, handler),
    startRepeating(express, 'follower'),
  ])
  Object.assign(follower.node, { tracer: recorder })
  elect(3, leader, follower)
  return { leader, follower, recorder }
}

it("the leader gets the forward's place in the trace, and nothing of what the client said for this instance", async () => {
  const { follower, recorder } = await startPair()
  const { json } = await postJson(follower.url, {}, { ...OF_CLIENT, baggage: 'a=b' })
  expect(json).toMatchObject({ traceparent: OWN.traceparent, baggage: 'a=b' })
  expect(json).not.toHaveProperty('tracestate')
  expect(recorder.spans[0]).toMatchObject({
    name: 'leasehold.request',
    start: { kind: 'server', parent: OF_CLIENT },
  })
})

it.each([
  ['without a tracer', false],
  ['with one that has no trace', true],
])("%s the client's headers pass as they are", async (_, hasTracer) => {
  const { follower } = await startPair(undefined, null)
  if (!hasTracer) Object.assign(follower.node, { tracer: undefined })
  expect((await postJson(follower.url, {}, OF_CLIENT)).json).toMatchObject(OF_CLIENT)
})

it("below the app's own span the client's headers count for nothing", async () => {
  const { follower, recorder } = await startPair()
  recorder.active = true
  await postJson(follower.url, {}, OF_CLIENT)
  expect(recorder.spans[0]?.start).toEqual({
    kind: 'internal',
    attributes: { 'http.request.method': 'POST' },
  })
})

it.each([
  [200, undefined],
  [409, undefined],
  [503, '503'],
])('an answer of %i is an error: %s', async (status, errorType) => {
  const { follower, recorder } = await startPair((_req, res) => res.status(status).end())
  await postJson(follower.url, {})
  await until('the request has ended', () => recorder.ends('leasehold.request')[0] !== undefined)
  const attributes = { 'http.response.status_code': status }
  expect(recorder.ends('leasehold.request')).toEqual([{ errorType, attributes }])
  const forward = { errorType, attributes: { ...attributes, 'leasehold.forward.outcome': 'answered' } }
  expect(recorder.ends('leasehold.forward')).toEqual([forward])
})

it('a client that does not wait leaves both incomplete', async () => {
  let arrived = () => {}
  const there = new Promise<void>((resolve) => (arrived = resolve))
  const { follower, recorder } = await startPair(() => arrived())
  const { req } = open(follower.url, { method: 'POST' })
  req.end()
  await there
  req.destroy()
  await until('the request has ended', () => recorder.ends('leasehold.request')[0] !== undefined)
  expect(recorder.ends('leasehold.request')).toMatchObject([{ errorType: 'INCOMPLETE' }])
  expect(recorder.ends('leasehold.forward')).toMatchObject([{ errorType: 'INCOMPLETE' }])
})

it('a leader out of reach is refused, by the error of the network; then the request is held', async () => {
  const { leader, follower, recorder } = await startPair()
  const url = `http://127.0.0.1:${await freePort()}`
  follower.node.follow({ id: 'gone', term: 3, url })
  const reply = postJson(follower.url, {})
  await until('it is held', () => recorder.spans.some(({ name }) => name === 'leasehold.hold'))
  elect(4, leader, follower)
  expect((await reply).status).toBe(200)
  expect(recorder.ends('leasehold.forward')[0]).toEqual({
    errorType: 'ECONNREFUSED',
    attributes: { 'leasehold.forward.outcome': 'refused' },
  })
  const { name, start } = recorder.spans.findLast((span) => span.name === 'leasehold.forward') ?? {}
  expect({ name, ...start?.attributes }).toMatchObject({
    'leasehold.leader.id': 'leader',
    'leasehold.leader.term': 4,
  })
  expect(recorder.ends('leasehold.hold').at(-1)).toEqual({})
})

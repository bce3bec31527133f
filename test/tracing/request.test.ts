import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { JOB_EVERY_MS } from '../../packages/core/src/replicate/push-pace.js'
import { eventually } from '../support/deadline.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { APP, ERROR, named, outlineOf, spansOf, theOnly, traceOf } from './traces.js'

let redis: RedisServer
let client: Redis

beforeAll(async () => {
  redis = await startRedis()
  client = new Redis(redis.url)
})
afterAll(async () => {
  client.disconnect()
  await stopAll()
})

/** A client's own span, as its headers name it. */
function clientSpan(flags: '00' | '01') {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-${flags}` } }
}

/** What the log holds: each entry as it stands there. */
async function logOf(group: InstanceGroup): Promise<Record<string, unknown>[]> {
  const entries = await client.xrange(`leasehold:{${group.name}}:log`, '-', '+')
  return entries.map(([, fields]) => JSON.parse(fields[1] ?? ''))
}

/** Resolves when the next entry is pushed to everybody at once, since no job went out for so long. */
async function idle(group: InstanceGroup): Promise<void> {
  const leader = await group.leader()
  const { body } = await leader.request<{ index: number }>('POST', '/items', { body: { item: 'before' } })
  await eventually(async () => {
    const { group: seen } = await leader.status()
    return seen.members.every(({ appliedIndex }) => appliedIndex >= body.index)
  })
  await new Promise((resolve) => setTimeout(resolve, 2 * JOB_EVERY_MS))
}

/** What is below a write's span where so many follow. */
const belowWrite = (followers: number) => [
  ['leasehold.append', []],
  ...Array.from({ length: followers + 1 }, () => ['leasehold.apply', []]),
  ...Array.from({ length: followers }, () => ['leasehold.push', []]),
]
const ENOUGH = { 'leasehold.apply': 3, 'leasehold.push': 2, 'leasehold.request': 2 }

describe('with spans', () => {
  let group: InstanceGroup
  let leader: Instance
  let followers: Instance[]

  beforeAll(async () => {
    group = await startGroup({ redis, script: APP })
    leader = await group.leader()
    followers = await group.followers()
  })
  afterAll(() => group.stopAll())

  it('a write at a follower is one trace, from there to every replica', async () => {
    await idle(group)
    const before = new Set((await spansOf(group.instances)).map(({ traceId }) => traceId))
    const [follower] = followers as [Instance, Instance]
    const reply = await follower.request<{ index: number; term: number }>(
      'POST',
      '/items?secret=in-the-query',
      {
        body: { item: 'what-was-written' },
        headers: { authorization: 'Bearer what-nobody-must-see', tracestate: 'of=nobody' },
      },
    )
    expect(reply.status).toBe(200)

    const { traceId } = await eventually(async () => {
      const forwards = named(await spansOf([follower]), 'leasehold.forward')
      return forwards.find((span) => !before.has(span.traceId))
    })
    const trace = await traceOf(group.instances, traceId, ENOUGH)
    expect(outlineOf(trace, null)).toEqual([
      [
        'leasehold.request',
        [['leasehold.forward', [['leasehold.request', [['leasehold.write', belowWrite(2)]]]]]],
      ],
    ])
    const others = (await spansOf(group.instances)).filter(
      (span) => !before.has(span.traceId) && span.traceId !== traceId,
    )
    expect(others).toEqual([])

    // Each where it belongs.
    expect(named(trace, 'leasehold.request').map(({ by }) => by)).toEqual(
      expect.arrayContaining([follower, leader]),
    )
    expect(theOnly(trace, 'leasehold.forward').by).toBe(follower)
    for (const name of ['leasehold.write', 'leasehold.append']) expect(theOnly(trace, name).by).toBe(leader)
    expect(new Set(named(trace, 'leasehold.apply').map(({ by }) => by))).toEqual(new Set(group.instances))
    expect(named(trace, 'leasehold.push').every(({ by }) => by === leader)).toBe(true)
    const { index, term } = reply.body
    for (const { attributes } of named(trace, 'leasehold.apply'))
      expect(attributes).toMatchObject({ 'leasehold.entry.index': index, 'leasehold.entry.term': term })
    expect(trace.filter(({ status }) => status.code === ERROR)).toEqual([])

    // Nothing that is nobody's business: what the request said, whose it was, and what operations are known by.
    const { o: opId } = (await logOf(group)).at(-1) as { o: string }
    const { secret } = await client.hgetall(`leasehold:{${group.name}}:meta`)
    expect([opId.length, secret?.length]).toEqual([expect.any(Number), expect.any(Number)])
    const told = JSON.stringify(trace.map((span) => ({ ...span, by: undefined })))
    for (const hidden of [
      'what-was-written',
      'what-nobody-must-see',
      'in-the-query',
      opId.split('.')[0],
      secret,
    ])
      expect(told).not.toContain(hidden)
  })

  it('goes on with the trace of a client', async () => {
    await idle(group)
    const { traceId, spanId, headers } = clientSpan('01')
    const [follower] = followers as [Instance]
    await follower.request('POST', '/items', { body: { item: 'b' }, headers })
    const trace = await traceOf(group.instances, traceId, ENOUGH)
    expect(outlineOf(trace, spanId)).toMatchObject([['leasehold.request', [['leasehold.forward', [{}]]]]])
    const { p } = (await logOf(group)).at(-1) as { p: string }
    expect(p).toBe(`00-${traceId}-${theOnly(trace, 'leasehold.write').spanId}-01`)
  })

  it('a trace that is not sampled leaves nothing, neither spans nor a byte in the log', async () => {
    const { traceId, headers } = clientSpan('00')
    const [follower] = followers as [Instance]
    const { status } = await follower.request('POST', '/items', { body: { item: 'c' }, headers })
    expect(status).toBe(200)
    expect(Object.keys((await logOf(group)).at(-1) as object)).toEqual(['o', 'f', 's', 't', 'v', 'c', 'a'])
    // A later one shows that what there was to come has come.
    const later = clientSpan('01')
    await follower.request('POST', '/items', { body: { item: 'd' }, headers: later.headers })
    await traceOf(group.instances, later.traceId, { 'leasehold.apply': 3 })
    expect((await spansOf(group.instances)).filter((span) => span.traceId === traceId)).toEqual([])
  })

  it('what a command refuses is an error of the write, and none of those who applied it', async () => {
    const { traceId, headers } = clientSpan('01')
    const [follower] = followers as [Instance]
    const { status } = await follower.request('POST', '/refused', { headers })
    const trace = await traceOf(group.instances, traceId, { 'leasehold.apply': 3, 'leasehold.request': 2 })
    expect(theOnly(trace, 'leasehold.write')).toMatchObject({
      status: { code: ERROR, message: 'COMMAND_REJECTED' },
      attributes: { 'error.type': 'COMMAND_REJECTED' },
    })
    expect(named(trace, 'leasehold.apply').some((span) => span.status.code === ERROR)).toBe(false)
    expect(theOnly(trace, 'leasehold.forward').attributes).toMatchObject({
      'http.response.status_code': status,
    })
  })

  it('a newcomer makes no spans of what was written before it came', async () => {
    const newcomer = await group.add()
    const { traceId, headers } = clientSpan('01')
    await followers[0]?.request('POST', '/items', { body: { item: 'e' }, headers })
    await traceOf([newcomer], traceId, { 'leasehold.apply': 1 })
    expect(await spansOf([newcomer])).toHaveLength(1)
    await newcomer.terminate()
  })
})

it('without a tracer an entry is what it always was', async () => {
  const group = await startGroup({ redis, script: APP, instances: 2, env: { TRACING: 'off' } })
  const [follower] = (await group.followers()) as [Instance]
  const { headers } = clientSpan('01')
  expect((await follower.request('POST', '/items', { body: { item: 'a' }, headers })).status).toBe(200)
  const [, fields = []] = (await client.xrange(`leasehold:{${group.name}}:log`, '-', '+')).at(-1) ?? []
  const text = fields[1] ?? ''
  const { o, f, s, t } = JSON.parse(text) as Record<string, unknown>
  expect(text).toBe(JSON.stringify({ o, f, s, t, v: 1, c: 'put', a: 'a' }))
  expect(await spansOf(group.instances)).toEqual([])
  await group.stopAll()
})

it("beside the app's own instrumentation of HTTP it is one trace, too", async () => {
  const group = await startGroup({ redis, script: APP, instances: 2, env: { HTTP: '1' } })
  await idle(group)
  const { traceId, spanId, headers } = clientSpan('01')
  const [follower] = (await group.followers()) as [Instance]
  await follower.request('POST', '/items', { body: { item: 'a' }, headers })
  const trace = await traceOf(group.instances, traceId, {
    'leasehold.apply': 2,
    'leasehold.push': 1,
    POST: 2,
  })
  expect(outlineOf(trace, spanId)).toEqual([
    [
      'POST',
      [
        [
          'leasehold.request',
          [['leasehold.forward', [['POST', [['leasehold.request', [['leasehold.write', belowWrite(1)]]]]]]]],
        ],
      ],
    ],
  ])
  await group.stopAll()
})

it('a leader that dies with the request leaves one trace, with what failed and what came of it', async () => {
  const group = await startGroup({ redis, script: APP, instances: 1, ttlMs: 1000, env: { STUCK: '1' } })
  const old = await group.leader()
  const next = await group.add({ STUCK: '0' })
  const client = await group.add({ STUCK: '0', ELIGIBLE: '0' })
  const { traceId, spanId, headers } = clientSpan('01')
  const reply = client.request('POST', '/stuck-at-first', { body: { item: 'a' }, headers })
  await eventually(async () => (await old.request<number>('GET', '/stuck')).body === 1)
  expect(await old.kill9()).toMatchObject({ signal: 'SIGKILL' })
  expect((await reply).status).toBe(200)

  const trace = await traceOf(group.instances, traceId, { 'leasehold.apply': 2, 'leasehold.request': 2 })
  const { spanId: request } = named(trace, 'leasehold.request').find(({ by }) => by === client) ?? {}
  expect(outlineOf(trace, spanId)).toMatchObject([['leasehold.request', expect.anything()]])
  expect(named(trace, 'leasehold.hold')[0]).toMatchObject({ by: client, parentId: request })
  const forwards = named(trace, 'leasehold.forward')
  expect(forwards.every(({ by, parentId }) => by === client && parentId === request)).toBe(true)
  expect(forwards[0]).toMatchObject({
    status: { code: ERROR },
    attributes: {
      'leasehold.forward.attempt': 1,
      'leasehold.forward.outcome': 'unknown',
      'error.type': 'UND_ERR_SOCKET',
    },
  })
  const last = forwards.at(-1)
  expect(last?.attributes).toMatchObject({
    'leasehold.forward.outcome': 'answered',
    'http.response.status_code': 200,
  })
  expect(last?.status.code).not.toBe(ERROR)
  expect(new Set(forwards.map(({ attributes }) => attributes['leasehold.leader.id'])).size).toBe(2)
  expect(theOnly(trace, 'leasehold.write')).toMatchObject({ by: next, status: { code: 0 } })
  expect(new Set(named(trace, 'leasehold.apply').map(({ by }) => by))).toEqual(new Set([next, client]))
})

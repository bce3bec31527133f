import { NotLeaderError } from '@leasehold/core'
import { routeWrites as expressRoutes } from '@leasehold/express'
import { leasehold } from '@leasehold/fastify'
import express from 'express'
import { Readable } from 'node:stream'
import { postJson, send } from '../../express-adapter/test/support/http-client.js'
import {
  closeAll,
  cut,
  elect,
  type Instance,
  startInstanceOf,
} from '../../express-adapter/test/support/instances.js'
import { ReplicaNode } from '../../express-adapter/test/support/replica-node.js'
import { until } from '../../express-adapter/test/support/until.js'
import { closeApps, echo, type Mount, pair, start } from './support/apps.js'

afterEach(closeApps)
afterEach(closeAll)

describe('a write on a follower', () => {
  test('runs on the leader, which alone parses its body, and is known by its request', async () => {
    const parsed: string[] = []
    const { leader, follower } = await pair({}, (app, node) => {
      app.addHook('preParsing', async () => void parsed.push(node.id))
      return echo(app, node)
    })
    const reply = await postJson(`${follower.url}/a?b=%20`, { a: 'ü' })
    const [{ requestId } = { requestId: '' }] = leader.node.ran
    expect(reply).toMatchObject({
      status: 200,
      json: { by: 'leader', body: { a: 'ü' }, opId: `${requestId}.0`, requestId },
    })
    expect(reply.headers).toMatchObject({
      'leasehold-served-by': 'leader',
      'leasehold-position': 'log.1.7',
      'x-handler': 'leader',
    })
    expect(parsed).toEqual(['leader'])
    expect(follower.node.ran).toEqual([])
  })

  test.each<[string, string, Buffer, Record<string, string>]>([
    ['JSON that is none', 'application/json', Buffer.from('{"a":'), {}],
    ['spaces that JSON does not need', 'application/json', Buffer.from(' {"a" :1}'), {}],
    ['bytes', 'application/octet-stream', Buffer.from([0, 255, 13, 10, 0]), {}],
    ['a body in chunks', 'text/plain', Buffer.from('x'.repeat(70_000)), { 'transfer-encoding': 'chunked' }],
  ])('goes there byte for byte: %s', async (_what, type, body, headers) => {
    const { follower } = await pair({}, (app) => {
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, payload, done) => done(null, payload))
      app.post('/', (request, reply) => reply.type('x/y').send(request.body))
    })
    const reply = await send(
      follower.url,
      { method: 'POST', headers: { 'content-type': type, ...headers } },
      body,
    )
    expect(reply.status).toBe(200)
    expect(reply.body.equals(body)).toBe(true)
  })

  test('to a path that the app does not know: the 404 is the leader’s', async () => {
    const { follower } = await pair({}, () => {})
    const reply = await postJson(`${follower.url}/nowhere`, {})
    expect(reply).toMatchObject({ status: 404, headers: { 'leasehold-served-by': 'leader' } })
  })

  test('waits while nobody leads, and then runs', async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    const asked = postJson(follower.url, { a: 1 })
    await until('it waits', () => follower.node.listenerCount('leaderChanged') > 0)
    elect(2, leader, follower)
    expect(await asked).toMatchObject({ status: 200, json: { by: 'leader', body: { a: 1 } } })
  })

  test('nobody leads in time: 503 as JSON, with what hooks before have set', async () => {
    const { url } = await start('f', { routeWrites: false, cluster: false }, async (app, node) => {
      app.addHook('onRequest', async (_request, reply) => {
        reply.header('access-control-allow-origin', '*').header('x-before', 'yes')
      })
      await app.register(async (scope) => {
        await scope.register(leasehold, {
          node: node.asNode,
          cluster: false,
          routeWrites: { hold: { ms: 50 } },
        })
        echo(scope, node)
      })
    })
    const reply = await postJson(url, {})
    expect(reply).toMatchObject({ status: 503, json: { error: { code: 'NO_LEADER' } } })
    expect(reply.headers).toMatchObject({ 'retry-after': '1', 'x-before': 'yes' })
    expect(reply.headers['access-control-expose-headers']).toContain('Leasehold-Served-By')
  })

  test('redirect: 307 to the public url, which location() can compute from Fastify’s request', async () => {
    const follower = await start('follower', {
      routeWrites: {
        mode: 'redirect',
        location: (request, { id }) => `https://${id}.example${request.originalUrl}#${request.id}`,
      },
    })
    follower.node.follow({ id: 'leader', term: 2 })
    expect(await postJson(`${follower.url}/a?b=1`, {})).toMatchObject({
      status: 307,
      headers: { location: expect.stringMatching(/^https:\/\/leader\.example\/a\?b=1#req-/) },
    })
  })

  test('reject: 503', async () => {
    const follower = await start('follower', { routeWrites: { mode: 'reject' } })
    follower.node.follow({ id: 'leader', term: 2 })
    expect(await postJson(follower.url, {})).toMatchObject({
      status: 503,
      json: { error: { code: 'NOT_LEADER' } },
    })
  })

  test('stays here where the route says so, or passthrough does, by Fastify’s request', async () => {
    const { follower } = await pair(
      { routeWrites: { passthrough: [(request) => request.routeOptions.url === '/hooks/:id'] } },
      (app, node) => {
        app.post('/local', { config: { leasehold: false } }, () => node.id)
        app.post('/hooks/:id', () => node.id)
        app.post('/other', () => node.id)
      },
    )
    const by = async (path: string) => (await postJson(`${follower.url}${path}`, {})).text
    expect([await by('/local'), await by('/hooks/7'), await by('/other')]).toEqual([
      'follower',
      'follower',
      'leader',
    ])
  })
})

describe('a leader that is lost', () => {
  test('vanishes under the request: the next one answers, under the same name', async () => {
    const [next, follower] = await Promise.all([start('next'), start('follower')])
    const old = await start('old', {}, (app, node) => {
      app.post('/', (request) => {
        void node.write()
        elect(4, next, follower)
        cut(request.raw.socket)
      })
    })
    elect(3, old, follower)
    expect(await postJson(follower.url, { a: 1 })).toMatchObject({ status: 200, json: { by: 'next' } })
    expect(next.node.ran).toEqual(old.node.ran)
  })

  test.each<[string, Mount]>([
    [
      'returns',
      (app, node) => app.post('/', async () => ({ failed: await node.write().catch(() => 'yes') })),
    ],
    [
      'sends',
      (app, node) =>
        app.post('/', async (_request, reply) => {
          const failed = await node.write().catch(() => 'yes')
          return reply.code(418).header('x-handler', 'old').send({ failed })
        }),
    ],
    ['throws', (app, node) => app.post('/', async () => node.write())],
    [
      'streams',
      (app, node) =>
        app.post('/', async (_request, reply) => {
          await node.write().catch(() => {})
          return reply.send(Readable.from(['what nobody ', 'must hear']))
        }),
    ],
    [
      'forgets its write, and replies before it fails',
      (app, node) => {
        app.post('/', async (_request, reply) => {
          void node.write()
          reply.header('x-handler', 'old').send('what nobody must hear')
        })
      },
    ],
  ])('is deposed while a handler runs that %s: it is not heard, the next one is', async (_how, mount) => {
    const next = await start('next')
    const old = await start('old', {}, (app, node) => {
      app.addHook('preHandler', async () => elect(4, next, old))
      node.answer = async () => {
        await new Promise((resolve) => setTimeout(resolve, 10))
        throw new NotLeaderError(node.leader)
      }
      return mount(app, node)
    })
    elect(3, old)
    const reply = await postJson(old.url, { a: 1 })
    expect(reply).toMatchObject({ status: 200, json: { by: 'next', body: { a: 1 } } })
    expect(reply.headers).toMatchObject({ 'x-handler': 'next', 'leasehold-served-by': 'next' })
    expect(old.node.ran).toEqual(next.node.ran)
  })
})

describe.each<[string, (id: string) => Promise<Instance<ReplicaNode>>]>([
  ['Fastify', start],
  [
    'Express',
    (id) =>
      startInstanceOf(new ReplicaNode(id), express, (app, node) => {
        app.use(expressRoutes(node.asNode), express.json())
        app.use((req, res, next) => {
          node.write().then((opId) => res.json({ by: id, body: req.body as unknown, opId }), next)
        })
      }),
  ],
])('beside an instance on %s', (_framework, startOther) => {
  test('both forward to each other, and a 421 comes back to be sent elsewhere', async () => {
    const [one, other] = await Promise.all([start('one'), startOther('other')])
    elect(3, one, other)
    expect(await postJson(other.url, { n: 1 })).toMatchObject({ json: { by: 'one', body: { n: 1 } } })
    elect(4, other, one)
    expect(await postJson(one.url, { n: 2 })).toMatchObject({ json: { by: 'other', body: { n: 2 } } })

    // What the other one believes is old: it is told so, asks again, and finds the leader.
    one.node.lead(5)
    other.node.follow({ id: 'one', term: 4, url: one.url })
    one.node.reignSince = 6
    one.node.term = 6
    const asked = postJson(other.url, { n: 3 })
    await until('it was refused', () => other.node.listenerCount('leaderChanged') > 0)
    other.node.follow({ id: 'one', term: 6, url: one.url })
    expect(await asked).toMatchObject({ status: 200, json: { by: 'one', body: { n: 3 } } })
  })
})

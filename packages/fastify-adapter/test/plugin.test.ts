import { NotLeaderError } from '@leasehold/core'
import { clusterErrors, leaderOnly, leasehold } from '@leasehold/fastify'
import { Readable } from 'node:stream'
import { open, postJson, send } from '../../express-adapter/test/support/http-client.js'
import { elect } from '../../express-adapter/test/support/instances.js'
import { until } from '../../express-adapter/test/support/until.js'
import { closeApps, echo, type Mount, pair, start, startApp } from './support/apps.js'

afterEach(closeApps)

describe('a reply', () => {
  test('carries position and cookie beside the handler’s own headers and cookies', async () => {
    const me = await start('me', {}, (app, node) => {
      app.addHook('onSend', async (_request, reply) => void reply.header('x-on-send', 'yes'))
      app.all('/', async (request, reply) => {
        if (request.method === 'POST') await node.write()
        return reply.header('set-cookie', 'a=1').send({})
      })
    })
    me.node.lead(3)
    for (const method of ['GET', 'POST']) {
      const { headers } = await send(me.url, { method })
      expect(headers).toMatchObject({ 'leasehold-position': 'log.1.7', 'x-on-send': 'yes' })
      expect(headers['set-cookie']).toEqual(['a=1', expect.stringMatching(/^leasehold-group=log\.1\.7/)])
    }
  })

  test('that a cache may keep carries no cookie', async () => {
    const { url } = await start('me', {}, (app) => {
      app.get('/', (_request, reply) => reply.header('cache-control', 'max-age=60').send('x'))
    })
    expect((await send(url)).headers['set-cookie']).toBeUndefined()
  })

  test.each(['with', 'without'])('leaves when forgotten writes have committed, %s a return', async (how) => {
    let commit = () => {}
    const me = await start('me', {}, (app, node) => {
      node.answer = () => new Promise((resolve) => (commit = () => resolve('op')))
      app.post('/', async (_request, reply) => {
        void node.write()
        reply.code(201).header('x-own', 'own').send({ said: 'early' })
        if (how === 'with') return reply
        return undefined
      })
    })
    me.node.lead(3)
    let settled = false
    const asked = postJson(me.url, {}).finally(() => (settled = true))
    await until('it ran', () => me.node.ran.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(settled).toBe(false)
    commit()
    expect(await asked).toMatchObject({
      status: 201,
      headers: { 'x-own': 'own', 'content-length': '16' },
      json: { said: 'early' },
    })
  })

  test('that streams does so from here and through another instance', async () => {
    const { leader, follower } = await pair({}, (app, node) => {
      app.post('/', async (_request, reply) => {
        await node.write()
        return reply.type('text/plain').send(Readable.from(['one ', 'two']))
      })
    })
    for (const { url } of [leader, follower])
      expect(await postJson(url, {})).toMatchObject({ status: 200, text: 'one two' })
  })

  test('lacks what a hook before has set and the handler has removed', async () => {
    const { url } = await start('me', { routeWrites: false, cluster: false }, async (app, node) => {
      app.addHook('onRequest', async (_request, reply) => void reply.header('x-early', 'yes'))
      await app.register(async (scope) => {
        await scope.register(leasehold, { node: node.asNode, cluster: false })
        scope.get('/', (_request, reply) => reply.removeHeader('x-early').send('x'))
        scope.get('/kept', (_request, reply) => reply.send('x'))
      })
    })
    expect((await send(url)).headers['x-early']).toBeUndefined()
    expect((await send(`${url}/kept`)).headers['x-early']).toBe('yes')
  })

  test('onResponse hooks see forwarded requests, too', async () => {
    const seen: string[] = []
    const { follower } = await pair({}, (app, node) => {
      app.addHook('onResponse', async (_request, reply) => void seen.push(`${node.id} ${reply.statusCode}`))
      return echo(app, node)
    })
    await postJson(follower.url, {})
    await until('both have', () => seen.length === 2)
    expect(seen.toSorted()).toEqual(['follower 200', 'leader 200'])
  })
})

describe('errors', () => {
  test('of this library are JSON with a stable code, also where a schema knows no errors', async () => {
    const me = await start('me', {}, (app, node) => {
      const schema = { response: { '5xx': { type: 'object', properties: { other: { type: 'string' } } } } }
      app.get('/', { schema }, async (_request, reply) => {
        reply.header('etag', '"x"').type('text/html')
        throw new NotLeaderError(node.leader)
      })
    })
    me.node.follow({ id: 'them', url: 'http://10.0.0.9' })
    const reply = await send(me.url)
    expect(reply).toMatchObject({
      status: 503,
      json: { error: { code: 'NOT_LEADER', message: expect.stringContaining('alwaysForward') } },
      headers: { 'leasehold-leader': 'them', 'retry-after': '1', 'cache-control': 'no-store' },
    })
    expect(reply.headers.etag).toBeUndefined()
    expect(reply.text).not.toContain('10.0.0.9')
  })

  test('of others go where they went before', async () => {
    const { url } = await start('me', {}, (app) => {
      app.get('/', () => Promise.reject(Object.assign(new Error('teapot'), { statusCode: 418 })))
    })
    expect(await send(url)).toMatchObject({ status: 418, json: { message: 'teapot' } })
  })

  test('an error handler of one’s own can be wrapped', async () => {
    const { url } = await start('me', { errors: false }, (app, node) => {
      app.setErrorHandler(
        clusterErrors(node.asNode, (error, _request, reply) => reply.code(500).send(`own: ${error.message}`)),
      )
      app.get('/ours', () => Promise.reject(new NotLeaderError(undefined)))
      app.get('/other', () => Promise.reject(new Error('other')))
    })
    expect(await send(`${url}/ours`)).toMatchObject({ status: 503, json: { error: { code: 'NOT_LEADER' } } })
    expect(await send(`${url}/other`)).toMatchObject({ status: 500, text: 'own: other' })
  })

  test('that a function among the options throws is one of the app', async () => {
    const { url } = await start('me', {
      routeWrites: {
        isWrite: () => {
          throw new Error('broken')
        },
      },
    })
    expect(await send(url)).toMatchObject({ status: 500, json: { message: 'broken' } })
  })
})

describe('reads', () => {
  test('a position that the log does not have is told with 409', async () => {
    const { url } = await start('me')
    const reply = await send(url, { headers: { 'leasehold-position': 'log.1.9' } })
    expect(reply).toMatchObject({ status: 409, json: { error: { code: 'LINEAGE_LOST' } } })
  })

  test('consistency may depend on the route; what is behind goes to the leader', async () => {
    const { leader, follower } = await pair(
      {
        consistentReads: {
          waitMs: 20,
          consistency: ({ routeOptions }) => (routeOptions.url === '/fresh' ? 'linearizable' : 'local'),
        },
      },
      (app, node) => {
        app.get('/fresh', () => node.id)
        app.get('/any', () => node.id)
      },
    )
    follower.node.reachable = false
    expect(await send(`${follower.url}/any`)).toMatchObject({ text: 'follower' })
    expect(await send(`${follower.url}/fresh`)).toMatchObject({ text: 'leader' })
    expect([leader, follower].map(({ node }) => node.asked.length)).toEqual([1, 1])
  })
})

describe('/cluster', () => {
  const statusOf = async (url: string, method = 'GET') => (await send(url, { method })).status

  test('each instance answers for itself, wherever the plugin is mounted', async () => {
    const { leader, follower } = await pair({ cluster: { prefix: '/internal/cluster' } })
    const paths = ['/livez', '/readyz?maxLag=5', '/leader', '/replica', '/status']
    const all = (url: string) => Promise.all(paths.map((path) => statusOf(`${url}/internal/cluster${path}`)))
    expect(await all(leader.url)).toEqual([200, 200, 200, 503, 200])
    expect(await all(follower.url)).toEqual([200, 200, 503, 200, 200])
    expect(await statusOf(`${leader.url}/internal/cluster/leader`, 'HEAD')).toBe(200)
    expect(await statusOf(`${leader.url}/internal/cluster/livez`, 'POST')).toBe(405)
    expect(await statusOf(`${leader.url}/internal/cluster/nothing`)).toBe(404)
    expect(await statusOf(`${leader.url}/internal/cluster/readyz?maxLag=x`)).toBe(400)
  })

  test('operators steer where authorize lets them, with a body of JSON or none', async () => {
    const { url, node } = await start('me', {
      cluster: { authorize: async (request) => request.headers['x-admin'] === request.hostname },
    })
    const admin = { 'x-admin': '127.0.0.1' }
    expect(await postJson(`${url}/cluster/switchover`, { to: 'b' })).toMatchObject({ status: 403 })
    expect(await postJson(`${url}/cluster/switchover`, { to: 'b' }, admin)).toMatchObject({ status: 200 })
    expect(await send(`${url}/cluster/pause?forMs=5000`, { method: 'POST', headers: admin })).toMatchObject({
      status: 200,
    })
    expect(await postJson(`${url}/cluster/switchover`, { to: '{' }, admin)).toMatchObject({ status: 400 })
    expect(node.steered).toEqual([{ switchover: { to: 'b' } }, { pause: { forMs: 5000 } }])
  })

  test('false: there is none', async () => {
    const { url } = await start('me', { cluster: false }, () => {})
    expect(await statusOf(`${url}/cluster/livez`)).toBe(404)
  })
})

test('leaderOnly guards single routes', async () => {
  const { leader, follower } = await pair({}, (app, node) => {
    app.get('/report', { preHandler: leaderOnly(node.asNode) }, () => 'report')
  })
  expect(await send(`${leader.url}/report`)).toMatchObject({ status: 200, text: 'report' })
  expect(await send(`${follower.url}/report`)).toMatchObject({
    status: 503,
    json: { error: { code: 'NOT_LEADER' } },
    headers: { 'leasehold-leader': 'leader' },
  })
})

describe('proxies', () => {
  test.each([
    ['127.0.0.1', 'https', 'shop.example'],
    ['10.9.9.9', 'http', '127.0.0.1'],
  ])('%s is trusted: a claim of TLS passes on as %s', async (trustProxy, protocol, host) => {
    const seen: string[] = []
    const mount: Mount = (app) => {
      app.post('/', (request) => {
        seen.push(String(request.headers['x-forwarded-proto']), String(request.headers['x-forwarded-host']))
        return 'ok'
      })
      app.get('/', () => 'ok')
    }
    const [leader, follower] = await Promise.all(
      ['leader', 'follower'].map((id) => startApp(id, {}, mount, { trustProxy })),
    )
    if (!leader || !follower) throw new Error('none')
    elect(3, leader, follower)
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' }
    await postJson(follower.url, {}, headers)
    expect(seen).toEqual([protocol, expect.stringContaining(host)])
    const [cookie = ''] = (await send(follower.url, { headers })).headers['set-cookie'] ?? []
    expect(cookie.includes('; Secure')).toBe(protocol === 'https')
  })
})

test('a write that begins after the reply has begun is told of by its route, once', async () => {
  const me = await start('me', {}, (app, node) => {
    app.post('/late/:id', async (_request, reply) => {
      reply.raw.write('begun')
      await node.write()
      reply.raw.end()
      return reply
    })
  })
  me.node.lead(3)
  for (const id of [1, 2]) await postJson(`${me.url}/late/${id}`, {})
  expect(me.node.warnings).toEqual([
    { code: 'REPLY_NOT_GATED', message: expect.stringContaining('POST /late/:id began a write') },
  ])
})

test('a client that goes away while its write waits leaves nothing behind', async () => {
  const follower = await start('follower')
  const { req } = open(follower.url, { method: 'POST' })
  req.end()
  await until('it waits', () => follower.node.listenerCount('leaderChanged') > 0)
  req.destroy()
  await until('it left', () => follower.node.eventNames().length === 0)
  expect(follower.node.ran).toEqual([])
})

test('what cannot work is said when the app gets ready', async () => {
  await expect(start('me', { node: {} as never })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  await expect(start('me', { routeWrites: { mode: 'proxy' as never } })).rejects.toThrow('mode is proxy')
})

test('app.close() stops the node first, if it is told to', async () => {
  const order: string[] = []
  const { app, node } = await start('me', { stopNode: true }, (scope) => {
    scope.addHook('onClose', async () => void order.push('closed'))
  })
  node.stopped = async () => void order.push(`stopped while listening: ${app.server.listening}`)
  await app.close()
  expect(order).toEqual(['stopped while listening: true', 'closed'])
})

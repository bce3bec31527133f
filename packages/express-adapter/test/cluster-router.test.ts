import { BusyError, type GroupStatus, SwitchoverFailedError } from '@leasehold/core'
import { clusterRouter, type ClusterRouterOptions, routeWrites } from '../src/index.js'
import { send, sendRaw } from './support/http-client.js'
import { closeAll, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

const group: GroupStatus = {
  name: 'kv',
  leader: { id: 'l', term: 17, url: 'http://10.0.0.1', publicUrl: undefined },
  term: 17,
  head: 9,
  leaderChanges: 3,
  history: [{ term: 17, leader: 'l', reason: 'stopped', atMs: 1_700_000_000_000, recoverMs: 12 }],
  members: [
    {
      id: 'l',
      name: 'l',
      url: 'http://10.0.0.1',
      publicUrl: undefined,
      role: 'leader',
      appliedIndex: 9,
      lagEntries: 0,
      alive: true,
      halted: undefined,
      eligible: true,
      priority: 0,
      appVersion: 1,
      load: 0.1,
    },
  ],
  paused: true,
  pauseLeftMs: undefined,
  times: { requestMs: 1, copyMs: 2, recoverMs: undefined, totalMs: 3 },
  inconsistency: 0.5,
}

describe.each(EXPRESS)('clusterRouter on %s', (_version, express) => {
  const start = async (options?: ClusterRouterOptions, path = '/cluster') => {
    const { node, url } = await startInstance(express, 'me', (app, node) => {
      app.use(path, clusterRouter(node.asNode, options))
      app.use(routeWrites(node.asNode, { hold: { ms: 20 } }))
      app.use((_req, res) => void res.status(404).send('the app'))
    })
    return { node, get: (route: string, method = 'GET') => send(`${url}${path}${route}`, { method }) }
  }

  test('livez, readyz, leader and replica answer by status, with the reason as JSON', async () => {
    const { node, get } = await start()
    const statuses = async () =>
      Promise.all(
        ['/livez', '/readyz', '/leader', '/replica'].map(async (route) => (await get(route)).status),
      )
    expect(await statuses()).toEqual([200, 200, 503, 200])
    node.lead(2)
    expect(await statuses()).toEqual([200, 200, 200, 503])
    node.role = 'stopped'
    expect(await statuses()).toEqual([200, 503, 503, 503])
    node.role = 'follower'
    node.statusChanges = { idleMs: 99_999 }
    expect(await statuses()).toEqual([503, 200, 503, 200])
    const { headers, json } = await get('/leader')
    expect(json).toEqual({ ok: false, reason: 'the role is follower' })
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
    })
  })

  test('lag bounds come from the query', async () => {
    const { node, get } = await start()
    node.statusChanges = { lagEntries: 5, lagMs: 50 }
    expect((await get('/readyz?maxLag=5&maxLagMs=50')).status).toBe(200)
    expect((await get('/readyz?maxLag=4')).status).toBe(503)
    expect((await get('/replica?maxLagMs=49')).status).toBe(503)
    expect(await get('/replica?maxLag=many')).toMatchObject({
      status: 400,
      json: { error: { code: 'BAD_REQUEST' } },
    })
  })

  test('HEAD works, and so does a trailing slash', async () => {
    const { get } = await start()
    const head = await get('/readyz', 'HEAD')
    expect(head).toMatchObject({ status: 200 })
    expect(head.body).toHaveLength(0)
    expect((await get('/readyz/?maxLag=1')).status).toBe(200)
  })

  test('works under any path, and leaves what it does not know to the app', async () => {
    const { get } = await start({}, '/ops/cluster')
    expect((await get('/livez')).status).toBe(200)
    for (const unknown of ['/nothing', '/constructor', '/__proto__']) {
      expect(await get(unknown)).toMatchObject({ status: 404, text: 'the app' })
    }
  })

  test('status tells of the instance and the group, with null for what is not known', async () => {
    const { node, get } = await start()
    node.groupReport = group
    node.follow({ id: 'l', term: 17, url: 'http://10.0.0.1' })
    const { status, json } = await get('/status')
    expect(status).toBe(200)
    expect(json).toEqual({
      instance: {
        ...node.status(),
        audit: { ...node.status().audit, differs: null },
        halted: null,
        ineligibleBecause: null,
        leader: { ...node.leader, publicUrl: null },
      },
      group: {
        name: 'kv',
        leader: { ...group.leader, publicUrl: null },
        term: 17,
        head: 9,
        leaderChanges: 3,
        history: [{ term: 17, leader: 'l', reason: 'stopped', atMs: 1_700_000_000_000, recoverMs: 12 }],
        members: [{ ...group.members[0], publicUrl: null, halted: null }],
        paused: true,
        pauseLeftMs: null,
      },
      requestMs: 1,
      copyMs: 2,
      recoverMs: null,
      totalMs: 3,
      inconsistency: 0.5,
    })
  })

  test('status answers when Redis does not', async () => {
    const { node, get } = await start()
    expect(await get('/status')).toMatchObject({
      status: 200,
      json: {
        instance: { id: 'me' },
        group: null,
        requestMs: null,
        error: { code: 'REDIS_UNREACHABLE', message: 'Redis is out of reach' },
      },
    })
    node.groupReport = new BusyError(1, '1')
    expect((await get('/status')).json).toMatchObject({ group: null, error: { code: 'BUSY' } })
    node.groupReport = 'silent'
    expect((await get('/status')).json).toMatchObject({
      group: null,
      error: { message: expect.stringContaining('2000 ms') },
    })
  })

  test('a node that measures nothing says so, and a method that does not fit is refused', async () => {
    const { get } = await start()
    expect(await get('/metrics')).toMatchObject({ status: 501, json: { error: { code: 'NOT_SUPPORTED' } } })
    expect(await get('/status', 'DELETE')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  describe('for operators', () => {
    const authorize: NonNullable<ClusterRouterOptions['authorize']> = (req) => req.query.token === 'let-me-in'
    const leader = { id: 'l', term: 17, url: 'http://10.0.0.1' }

    /** An instance that knows a leader, and a way to post to it as an operator. */
    async function operated(parse: 'parsed' | 'unparsed' = 'unparsed') {
      const { node, url } = await startInstance(express, 'me', (app, own) => {
        if (parse === 'parsed') app.use(express.json())
        app.use('/cluster', clusterRouter(own.asNode, { authorize }))
      })
      node.follow(leader)
      const headers = { 'content-type': 'application/json' }
      const post = (path: string, body?: string) =>
        send(`${url}/cluster${path}`, { method: 'POST', headers }, body)
      return { node, post, url }
    }

    test('only those whom authorize lets in, and only by POST', async () => {
      const { node, post, url } = await operated()
      for (const route of ['/switchover', '/pause', '/resume']) {
        expect(await post(route)).toMatchObject({ status: 403, json: { error: { code: 'FORBIDDEN' } } })
        expect(await send(`${url}/cluster${route}`)).toMatchObject({
          status: 405,
          headers: { allow: 'POST' },
        })
      }
      expect(node.steered).toEqual([])
    })

    test.each(['parsed', 'unparsed'] as const)('fields come from the query or a %s body', async (parse) => {
      const { node, post } = await operated(parse)
      const reply = await post('/switchover?token=let-me-in', '{"to":"b","timeoutMs":5000}')
      expect(reply).toMatchObject({ status: 200, json: { leader: { ...leader, publicUrl: null } } })
      await post('/switchover?token=let-me-in&to=c', '{"to":"b"}')
      await post('/switchover?token=let-me-in')
      const paused = await post('/pause?token=let-me-in&forMs=60000')
      expect(paused).toMatchObject({ status: 200, json: { paused: true, forMs: 60_000 } })
      expect(await post('/pause?token=let-me-in', '{}')).toMatchObject({
        json: { paused: true, forMs: null },
      })
      expect(await post('/resume?token=let-me-in')).toMatchObject({ status: 200, json: { paused: false } })
      expect(node.steered).toEqual([
        { switchover: { to: 'b', timeoutMs: 5000 } },
        { switchover: { to: 'c' } },
        { switchover: {} },
        { pause: { forMs: 60_000 } },
        { pause: {} },
        'resume',
      ])
    })

    test.each([
      ['/switchover?timeoutMs=soon', undefined, 'timeoutMs must be a whole number'],
      ['/switchover?timeoutMs=1', undefined, 'timeoutMs must be a whole number'],
      ['/switchover?to=a:b', undefined, 'to must be the name'],
      ['/switchover', '{"to":7}', 'to must be the name'],
      ['/switchover', '{"instance":"b"}', 'There is no field "instance" here, but to, timeoutMs'],
      ['/resume', '{"forMs":1}', 'There is no field "forMs" here.'],
      ['/switchover', '["b"]', 'must be a JSON object'],
      ['/switchover', '{"to"', 'must be a JSON object'],
      ['/switchover', `{"to":"${'b'.repeat(10_000)}"}`, 'more than 4096 bytes'],
      ['/pause?forMs=0', undefined, 'forMs must be a whole number'],
    ])('%s %s makes no sense', async (path, body, why) => {
      const { node, post } = await operated()
      const reply = await post(`${path}${path.includes('?') ? '&' : '?'}token=let-me-in`, body)
      expect(reply).toMatchObject({
        status: 400,
        json: { error: { code: 'BAD_REQUEST', message: expect.stringContaining(why) } },
      })
      expect(node.steered).toEqual([])
    })

    test('what does not work is answered by its code, with the reason', async () => {
      const { node, post } = await operated()
      node.steer = () => Promise.reject(new SwitchoverFailedError('NOT_ELIGIBLE', 'b cannot lead'))
      expect(await post('/switchover?token=let-me-in')).toMatchObject({
        status: 409,
        json: { error: { code: 'SWITCHOVER_FAILED', reason: 'NOT_ELIGIBLE' } },
      })
      node.steer = () => Promise.reject(new BusyError(1, '1'))
      expect(await post('/pause?token=let-me-in')).toMatchObject({ status: 503 })
    })
  })

  test.each(['//x/status', '/a/../status', '/a/%2e%2e/livez', '//x:99999/', '/status/x', '/%2Fstatus'])(
    '%s is nothing of this: a guard for some paths sees the path that is answered',
    async (path) => {
      const { port } = await startInstance(express, 'me', (app, node) => {
        app.use('/cluster', clusterRouter(node.asNode))
        app.use((_req, res) => void res.status(404).send('the app'))
      })
      const reply = await sendRaw(
        port,
        `GET /cluster${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      )
      expect(reply).toMatch(/^HTTP\/1\.1 404 /)
      expect(reply).toContain('the app')
    },
  )

  test('a whole URL as a proxy gets it is answered', async () => {
    const { port } = await startInstance(express, 'me', (app, node) => {
      app.use('/cluster', clusterRouter(node.asNode))
    })
    const asked = `GET http://a/cluster/readyz?maxLag=5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
    expect(await sendRaw(port, asked)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test.each([
    ['application/x-www-form-urlencoded', 400, []],
    ['text/plain', 200, [{ pause: { forMs: 60_000 } }]],
    [undefined, 200, [{ pause: { forMs: 60_000 } }]],
  ])(
    'JSON that says that it is %s is not passed over, whatever parsers stand before',
    async (type, status, steered) => {
      const { node, url } = await startInstance(express, 'me', (app, own) => {
        app.use(express.json(), express.urlencoded({ extended: true }))
        app.use('/cluster', clusterRouter(own.asNode, { authorize: () => true }))
      })
      const headers = type === undefined ? {} : { 'content-type': type }
      const reply = await send(`${url}/cluster/pause`, { method: 'POST', headers }, '{"forMs":60000}')
      expect(reply.status).toBe(status)
      expect(node.steered).toEqual(steered)
    },
  )

  test('without authorize nobody may administer, and nothing is forwarded', async () => {
    const { get } = await start()
    expect(await get('/switchover', 'POST')).toMatchObject({
      status: 403,
      json: { error: { message: expect.stringContaining('authorize') } },
    })
  })

  test('an authorize that fails goes to the error handler', async () => {
    const { get } = await start({ authorize: () => Promise.reject(new Error('no database')) })
    expect((await get('/pause', 'POST')).status).toBe(500)
  })
})

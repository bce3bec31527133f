import { BusyError, type GroupStatus } from '@leasehold/core'
import { clusterRouter, type ClusterRouterOptions, routeWrites } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

const group: GroupStatus = {
  name: 'kv',
  leader: { id: 'l', term: 17, url: 'http://10.0.0.1', publicUrl: undefined },
  term: 17,
  head: 9,
  leaderChanges: 3,
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
    for (const unknown of ['/', '/nothing', '/constructor', '/__proto__']) {
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

  test('what is for later says so', async () => {
    const { get } = await start({ authorize: (req) => req.query.token === 'let-me-in' })
    expect(await get('/metrics')).toMatchObject({ status: 501, json: { error: { code: 'NOT_SUPPORTED' } } })
    for (const route of ['/switchover', '/pause', '/resume']) {
      expect(await get(`${route}?token=let-me-in`, 'POST')).toMatchObject({
        status: 501,
        json: { error: { code: 'NOT_SUPPORTED' } },
      })
      expect(await get(route, 'POST')).toMatchObject({ status: 403, json: { error: { code: 'FORBIDDEN' } } })
      expect(await get(route)).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    }
    expect(await get('/status', 'DELETE')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

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

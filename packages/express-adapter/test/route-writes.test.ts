import { routeWrites } from '../src/index.js'
import { open, postJson, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

describe.each(EXPRESS)('routeWrites on %s', (_version, express) => {
  const start = (id: string, options = {}) =>
    startInstance(express, id, (app, node) => {
      app.use(routeWrites(node.asNode, options))
      app.use(express.json())
      app.all('/late', (_req, res) => {
        node.position = { ...node.position, index: node.position.index + 1 }
        res.status(201).set('X-App', id).json({ ranOn: id })
      })
      app.use((req, res) => {
        res.json({ ranOn: id, body: req.body, url: req.originalUrl, headers: req.headers })
      })
    })

  const pair = async (options = {}) => {
    const [leader, follower] = await Promise.all([start('leader-1'), start('follower-1', options)])
    elect(5, leader, follower)
    return { leader, follower }
  }

  test('asks the node for a url in forward mode only', async () => {
    expect((await start('a')).node.urlRequired).toBe(true)
    expect((await start('b', { mode: 'redirect' })).node.urlRequired).toBe(false)
  })

  test('serves reads where they are, and says who answered, who leads and how far the replica is', async () => {
    const { follower } = await pair()
    for (const method of ['GET', 'OPTIONS']) {
      const { json, headers } = await send(`${follower.url}/x`, { method })
      expect(json).toMatchObject({ ranOn: 'follower-1' })
      expect(headers).toMatchObject({
        'leasehold-position': 'log.1.7',
        'leasehold-served-by': 'follower-1',
        'leasehold-leader': 'leader-1',
      })
    }
    const head = await send(`${follower.url}/x`, { method: 'HEAD' })
    expect(head.headers['leasehold-served-by']).toBe('follower-1')
  })

  test("sends a write to the leader; the reply is the leader's, with its position after the write", async () => {
    const { leader, follower } = await pair()
    leader.node.position = { logId: 'log', term: 5, index: 41 }
    const { status, json, headers } = await send(`${follower.url}/late?a=%20b`, { method: 'PUT' })
    expect(status).toBe(201)
    expect(json).toEqual({ ranOn: 'leader-1' })
    expect(headers).toMatchObject({
      'x-app': 'leader-1',
      'leasehold-position': 'log.5.42',
      'leasehold-served-by': 'leader-1',
      'leasehold-leader': 'leader-1',
    })
  })

  test('runs a write on the leader itself', async () => {
    const { leader } = await pair()
    const { json, headers } = await send(`${leader.url}/late`, { method: 'POST' })
    expect(json).toEqual({ ranOn: 'leader-1' })
    expect(headers['leasehold-position']).toBe('log.1.8')
  })

  test('gives no position for a node that has no log', async () => {
    const { follower } = await pair()
    follower.node.position = { logId: '', term: 0, index: 0 }
    const { headers } = await send(follower.url)
    expect(headers['leasehold-position']).toBeUndefined()
    expect(headers['leasehold-served-by']).toBe('follower-1')
  })

  test('keeps path and query, also under a sub-path', async () => {
    const nested = await startInstance(express, 'nested', (app, node) => {
      const api = express.Router()
      api.use(routeWrites(node.asNode))
      app.use('/api/v1', api)
    })
    const { leader } = await pair()
    nested.node.follow({ id: 'leader-1', term: 5, url: leader.url })
    const { json } = await send(`${nested.url}/api/v1/a//b?x=1&x=2&y=%2F`, { method: 'PATCH' })
    expect(json).toMatchObject({ ranOn: 'leader-1', url: '/api/v1/a//b?x=1&x=2&y=%2F' })
  })

  test("honours a path in the leader's url", async () => {
    const { leader, follower } = await pair()
    follower.node.follow({ id: 'leader-1', term: 5, url: `${leader.url}/base/` })
    // Nothing strips /base here, so the leader sees another path than the one that was signed, and takes it for forged.
    const { json } = await send(`${follower.url}/x`, { method: 'POST' })
    expect(json).toMatchObject({ ranOn: 'leader-1', url: '/base/x' })
  })

  test('knows passthrough, alwaysForward and isWrite', async () => {
    const { follower } = await pair({
      passthrough: ['/hooks', /^\/local\d+$/g],
      alwaysForward: ['/fresh/', (req: { method: string }) => req.method === 'OPTIONS'],
      isWrite: (req: { originalUrl: string }) => req.originalUrl.includes('write=yes'),
    })
    const ranOn = async (method: string, path: string) =>
      (await send(follower.url + path, { method })).json.ranOn
    expect(await ranOn('POST', '/hooks')).toBe('follower-1')
    expect(await ranOn('POST', '/hooks/a?write=yes')).toBe('follower-1')
    expect(await ranOn('POST', '/hooksy?write=yes')).toBe('leader-1')
    for (let i = 0; i < 3; i++) expect(await ranOn('POST', `/local${i}?write=yes`)).toBe('follower-1')
    expect(await ranOn('GET', '/fresh/1')).toBe('leader-1')
    expect(await ranOn('OPTIONS', '/x')).toBe('leader-1')
    expect(await ranOn('GET', '/x?write=yes')).toBe('leader-1')
    expect(await ranOn('POST', '/x')).toBe('follower-1')
    const head = await send(`${follower.url}/fresh/1`, { method: 'HEAD' })
    expect(head.headers).toMatchObject({
      'leasehold-served-by': 'leader-1',
      'content-length': expect.stringMatching(/^\d+$/),
    })
    expect(head.body).toHaveLength(0)
  })

  test('answers Expect: 100-continue, and does not pass it on', async () => {
    const { follower } = await pair()
    const headers = { expect: '100-continue', 'content-type': 'application/json', 'content-length': '9' }
    const { req, reply } = open(`${follower.url}/x`, { method: 'POST', headers })
    const goOn = new Promise((resolve) => req.once('continue', resolve))
    req.flushHeaders()
    await goOn
    req.end('{"a":"b"}')
    const { json } = await reply
    expect(json).toMatchObject({ ranOn: 'leader-1', body: { a: 'b' } })
    expect(json.headers).not.toHaveProperty('expect')
  })

  test('reject: 503 with NOT_LEADER at once', async () => {
    const { follower } = await pair({ mode: 'reject' })
    const { status, json, headers } = await postJson(`${follower.url}/x`, {})
    expect(status).toBe(503)
    expect(json).toEqual({ error: { code: 'NOT_LEADER', message: expect.not.stringContaining('http') } })
    expect(headers).toMatchObject({
      'retry-after': '1',
      'leasehold-leader': 'leader-1',
      'cache-control': 'no-store',
    })
  })

  test('can be mounted twice', async () => {
    const twice = (id: string) =>
      startInstance(express, id, (app, node) => {
        app.use(routeWrites(node.asNode), routeWrites(node.asNode))
        app.use((_req, res) => void res.json({ ranOn: id }))
      })
    const [leader, follower] = await Promise.all([twice('l'), twice('f')])
    elect(2, leader, follower)
    expect((await postJson(follower.url, {})).json).toEqual({ ranOn: 'l' })
  })
})

import { routeWrites, type RouteWritesOptions } from '../src/index.js'
import { open, postJson, send } from './support/http-client.js'
import { closeAll, EXPRESS, startInstance } from './support/instances.js'
import { until } from './support/until.js'

afterEach(closeAll)

describe.each(EXPRESS)('redirecting on %s', (_version, express) => {
  const start = (options: RouteWritesOptions = {}) =>
    startInstance(express, 'me', (app, node) => {
      app.use(routeWrites(node.asNode, { mode: 'redirect', ...options }), express.json())
      app.use((req, res) => void res.json({ ranOn: 'me', body: req.body as unknown }))
    })
  const leader = {
    id: 'leader',
    term: 2,
    url: 'http://10.0.0.9:3000',
    publicUrl: 'https://shop.example/base',
  }

  test('307 to the public url with path and query, for no cache to keep', async () => {
    const { node, url } = await start()
    node.follow(leader)
    const { status, headers, body } = await postJson(`${url}/a/b?c=%C3%BC&d=1`, {})
    expect(status).toBe(307)
    expect(headers.location).toBe('https://shop.example/base/a/b?c=%C3%BC&d=1')
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['leasehold-leader']).toBe('leader')
    expect(body).toHaveLength(0)
  })

  test('a path that looks like a host stays a path', async () => {
    const { node, url } = await start()
    node.follow(leader)
    expect((await postJson(`${url}//evil.example/x`, {})).headers.location).toBe(
      'https://shop.example/base//evil.example/x',
    )
  })

  test('location() decides where there is one', async () => {
    const { node, url } = await start({
      location: (req, { id }) => `https://${id}.example${req.originalUrl}`,
    })
    node.follow({ ...leader, publicUrl: undefined })
    expect((await postJson(`${url}/x`, {})).headers.location).toBe('https://leader.example/x')
  })

  test('never to the internal url: without a public one it is a clear error', async () => {
    const { node, url } = await start()
    node.follow({ ...leader, publicUrl: undefined })
    const { status, json, headers, text } = await postJson(`${url}/x`, {})
    expect(status).toBe(500)
    expect(json).toMatchObject({
      error: { code: 'NO_PUBLIC_URL', message: expect.stringContaining('publicUrl') },
    })
    expect(JSON.stringify(headers) + text).not.toContain('10.0.0.9')
  })

  test('holds while no leader is known, then 503', async () => {
    const { node, url } = await start({ hold: { ms: 200 } })
    const reply = postJson(url, {})
    await until('the request waits', () => node.listenerCount('elected') > 0)
    node.follow(leader)
    expect((await reply).status).toBe(307)
    node.follow(undefined)
    expect(await postJson(url, {})).toMatchObject({ status: 503, json: { error: { code: 'NO_LEADER' } } })
  })

  test('serves the request if this instance becomes the leader', async () => {
    const { node, url } = await start()
    const reply = postJson(url, { a: 1 })
    await until('the request waits', () => node.listenerCount('elected') > 0)
    node.lead(3)
    expect((await reply).json).toEqual({ ranOn: 'me', body: { a: 1 } })
  })

  test('reads are served here, and a body that nobody reads does not block the connection', async () => {
    const { Agent } = await import('node:http')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const { node, url } = await start()
    node.follow(leader)
    const { req, reply } = open(url, { method: 'POST', agent })
    req.end(Buffer.alloc(400_000))
    expect((await reply).status).toBe(307)
    expect((await send(url, { agent })).json).toMatchObject({ ranOn: 'me' })
    agent.destroy()
  })
})

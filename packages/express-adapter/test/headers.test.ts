import { createServer } from 'node:http'
import { routeWrites } from '../src/index.js'
import { open, send, sendRaw } from './support/http-client.js'
import { closeAll, EXPRESS, listen, startInstance } from './support/instances.js'

afterEach(closeAll)

describe.each(EXPRESS)('headers between instances on %s', (_version, express) => {
  /** A follower whose leader is a plain server, so that the test sees the bytes on the wire. */
  const forwardTo = async (
    handler: Parameters<typeof createServer>[1],
    mount = (_app: ReturnType<typeof express>) => {},
  ) => {
    const port = await listen(createServer(handler))
    const follower = await startInstance(express, 'fö:llower', (app, node) => {
      mount(app)
      app.use(routeWrites(node.asNode))
    })
    follower.node.follow({ id: 'leader', term: 3, url: `http://127.0.0.1:${port}` })
    return follower
  }

  test('strips what belongs to the connection, and what Connection lists', async () => {
    let seen: string[] = []
    const follower = await forwardTo((req, res) => {
      seen = req.rawHeaders.map((header) => header.toLowerCase())
      res.writeHead(200, {
        Connection: 'close, X-Hop-Back',
        'X-Hop-Back': '1',
        'Proxy-Authenticate': 'Basic',
        'X-Stays': 'yes',
      })
      res.end('done')
    })
    const { headers } = await send(follower.url, {
      method: 'POST',
      headers: {
        Connection: 'keep-alive, X-Hop',
        'X-Hop': '1',
        'Keep-Alive': 'timeout=9',
        TE: 'trailers',
        'Proxy-Authorization': 'Basic eDp5',
        Upgrade: 'h2c',
        'X-End': 'to end',
      },
    })
    for (const name of ['x-hop', 'te', 'proxy-authorization', 'upgrade', 'timeout=9'])
      expect(seen).not.toContain(name)
    expect(seen).toContain('x-end')
    expect(headers['x-stays']).toBe('yes')
    expect(headers).not.toHaveProperty('x-hop-back')
    expect(headers).not.toHaveProperty('proxy-authenticate')
  })

  test('keeps Host and says where the request came from', async () => {
    const follower = await forwardTo((req, res) => res.end(JSON.stringify(req.headers)))
    const plain = await send(follower.url, { method: 'POST', headers: { host: 'shop.example' } })
    expect(plain.json).toMatchObject({
      host: 'shop.example',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example',
    })
    const behindProxy = await send(follower.url, {
      method: 'POST',
      headers: {
        host: 'inner',
        'X-Forwarded-For': '9.9.9.9',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'shop.example',
      },
    })
    expect(behindProxy.json).toMatchObject({
      host: 'inner',
      'x-forwarded-for': '9.9.9.9, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
    })
  })

  test("copies the leader's headers byte for byte, and each cookie for itself", async () => {
    const notAscii = Buffer.from('naïve €').toString('latin1')
    const follower = await forwardTo((_req, res) => {
      res.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2'])
      res.setHeader('X-Bytes', notAscii)
      res.writeHead(418, 'Short and stout').end()
    })
    const { req, reply } = open(follower.url, { method: 'POST' })
    const message = new Promise((resolve) => req.once('response', (res) => resolve(res.statusMessage)))
    req.end()
    const { status, headers } = await reply
    expect(status).toBe(418)
    expect(await message).toBe('Short and stout')
    expect(headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2'])
    expect(headers['x-bytes']).toBe(notAscii)
  })

  test("the leader's headers win over what a middleware here has set", async () => {
    const follower = await forwardTo(
      (_req, res) => res.setHeader('X-Both', 'leader').end(),
      (app) =>
        app.use((_req, res, next) => void (res.set({ 'X-Both': 'follower', 'X-Only': 'follower' }), next())),
    )
    const { headers } = await send(follower.url, { method: 'POST' })
    expect(headers).toMatchObject({ 'x-both': 'leader', 'x-only': 'follower' })
  })

  test('a header that a middleware here removed does not reach the leader', async () => {
    const follower = await forwardTo(
      (req, res) => res.end(JSON.stringify(req.headers)),
      (app) => app.use((req, _res, next) => void (delete req.headers['x-internal'], next())),
    )
    const { json } = await send(follower.url, { method: 'POST', headers: { 'X-Internal': 'forged' } })
    expect(json).not.toHaveProperty('x-internal')
  })

  test('carries trailers', async () => {
    const follower = await forwardTo((_req, res) => {
      res.writeHead(200, { Trailer: 'X-Checksum' })
      res.write('body')
      res.addTrailers({ 'X-Checksum': 'abc' })
      res.end()
    })
    const { text, trailers } = await send(follower.url, { method: 'POST' })
    expect(text).toBe('body')
    expect(trailers).toEqual({ 'x-checksum': 'abc' })
  })

  test('passes over 103 Early Hints', async () => {
    const follower = await forwardTo((_req, res) =>
      res.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => res.end('ok')),
    )
    expect(await send(follower.url, { method: 'POST' })).toMatchObject({ status: 200, text: 'ok' })
  })

  test('speaks HTTP/1.0 to clients that do', async () => {
    const follower = await forwardTo((_req, res) => void (res.write('a'), res.end('b')))
    const received = await sendRaw(follower.port, 'POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi')
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(received).toMatch(/\r\n\r\nab$/)
  })

  test('takes a whole URL as the request target', async () => {
    const follower = await forwardTo((req, res) => res.end(req.url))
    const received = await sendRaw(
      follower.port,
      'POST http://evil.example/a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
    expect(received).toMatch(/\/a\?b=1/)
  })
})

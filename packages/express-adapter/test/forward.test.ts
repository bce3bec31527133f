import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import type { RouteWritesOptions } from '../src/index.js'
import { routeWrites } from '../src/index.js'
import { open, postJson, send } from './support/http-client.js'
import {
  closeAll,
  closeServer,
  cut,
  elect,
  EXPRESS,
  freePort,
  type Instance,
  listen,
  startInstance,
} from './support/instances.js'
import { until } from './support/until.js'

afterEach(closeAll)

describe.each(EXPRESS)('forwarding on %s, when things go wrong', (_version, express) => {
  const start = (id: string, options: RouteWritesOptions = {}) =>
    startInstance(express, id, (app, node) => {
      app.use(routeWrites(node.asNode, options), express.raw({ type: '*/*', limit: '50mb' }))
      app.use(
        (req, res) => void res.json({ ranOn: id, size: Buffer.isBuffer(req.body) ? req.body.length : 0 }),
      )
    })

  /** A leader made of a plain server, and a follower that knows it. */
  const withLeader = async (
    handler: (req: IncomingMessage, res: ServerResponse) => void,
    options: RouteWritesOptions = {},
  ) => {
    const server = createServer(handler)
    const url = `http://127.0.0.1:${await listen(server)}`
    const follower = await start('follower', options)
    follower.node.follow({ id: 'leader', term: 3, url })
    return { follower, server, url }
  }

  describe('the leader cannot be reached', () => {
    test('the request goes to the next leader, whole', async () => {
      const [next, follower] = await Promise.all([start('next'), start('follower')])
      follower.node.follow({ id: 'dead', term: 3, url: `http://127.0.0.1:${await freePort()}` })
      for (const size of [10, 100_000, 3_000_000]) {
        follower.node.follow({ id: 'dead', term: 3, url: `http://127.0.0.1:${await freePort()}` })
        const reply = send(
          follower.url,
          { method: 'POST', headers: { 'content-type': 'a/b' } },
          Buffer.alloc(size),
        )
        await until('the dead leader was tried', () => follower.node.listenerCount('elected') > 0)
        elect(4, next, follower)
        expect(await reply).toMatchObject({ status: 200, json: { ranOn: 'next', size } })
      }
    })

    test('a leader that comes back on the same address is found without any event', async () => {
      const follower = await start('follower')
      const port = await freePort()
      follower.node.follow({ id: 'leader', term: 3, url: `http://127.0.0.1:${port}` })
      const reply = postJson(follower.url, {})
      await until('the leader was tried', () => follower.node.listenerCount('elected') > 0)
      const server = createServer((_req, res) => void res.end('back'))
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
      expect(await reply).toMatchObject({ status: 200, text: 'back' })
      await closeServer(server)
    })

    describe('a host that accepts no connection', () => {
      const silent = createTcpServer((socket) => void sockets.add(socket)) // and no TLS handshake ever
      const sockets = new Set<Socket>()
      let url = ''
      beforeAll(async () => {
        await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
        url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`
      })
      afterAll(async () => {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => silent.close(resolve))
      })

      test.each([
        ['connectTimeoutMs', { connectTimeoutMs: 50, hold: { ms: 300 } }],
        ['the hold time', { connectTimeoutMs: 10_000, hold: { ms: 200 } }],
      ])('is given up after %s', async (_which, options) => {
        const follower = await start('follower', options)
        follower.node.follow({ id: 'gone', term: 3, url })
        const begun = performance.now()
        const { status, json } = await postJson(follower.url, {})
        expect(status).toBe(503)
        expect(json).toMatchObject({
          error: {
            code: 'NO_LEADER',
            message: expect.stringMatching(/gone, did not accept a connection within \d+ ms/),
          },
        })
        expect(performance.now() - begun).toBeLessThan(8000)
      })

      test.each([100, 3_000_000])(
        'is given up at once when another leads (body of %d bytes)',
        async (size) => {
          const [next, follower] = await Promise.all([
            start('next'),
            start('follower', { connectTimeoutMs: 20_000 }),
          ])
          follower.node.follow({ id: 'gone', term: 3, url })
          const before = sockets.size
          const reply = send(
            follower.url,
            { method: 'POST', headers: { 'content-type': 'a/b' } },
            Buffer.alloc(size),
          )
          await until('it tries to connect', () => sockets.size > before)
          elect(4, next, follower)
          expect(await reply).toMatchObject({ status: 200, json: { ranOn: 'next', size } })
        },
      )
    })

    test('503 with the reason when the time is up', async () => {
      const follower = await start('follower', { hold: { ms: 150 } })
      follower.node.follow({ id: 'dead', term: 3, url: `http://127.0.0.1:${await freePort()}` })
      const { status, headers, json } = await postJson(follower.url, {})
      expect(status).toBe(503)
      expect(headers).toMatchObject({
        'retry-after': '1',
        'leasehold-served-by': 'follower',
        'leasehold-leader': 'dead',
      })
      expect(json).toMatchObject({
        error: {
          code: 'NO_LEADER',
          message: expect.stringMatching(/dead, could not be reached \(ECONNREFUSED\)/),
        },
      })
    })
  })

  describe('the leader took the request and did not answer', () => {
    const unknown = {
      status: 504,
      json: {
        error: {
          code: 'OUTCOME_UNKNOWN',
          message: expect.any(String),
          requestId: expect.stringMatching(/^lh\.-1\.[\da-f-]{36}$/),
        },
      },
    }

    test.each([
      ['closes the connection', (req: IncomingMessage) => void req.socket.end()],
      ['resets the connection', (req: IncomingMessage) => cut(req.socket)],
      ['answers garbage', (req: IncomingMessage) => void req.socket.end('HTTP/9 what\r\n\r\n')],
      ['answers half a head', (req: IncomingMessage) => void req.socket.end('HTTP/1.1 200 OK\r\nX: ')],
    ])('it %s: 504, and the request is not sent again', async (_what, fail) => {
      let asked = 0
      const { follower } = await withLeader((req) => {
        asked++
        follower.node.follow({ id: 'leader', term: 4, url: follower.node.leader?.url })
        fail(req)
      })
      expect(await postJson(follower.url, { a: 1 })).toMatchObject(unknown)
      expect(asked).toBe(1)
    })

    test('also when the connection had carried a request before', async () => {
      let asked = 0
      const { follower } = await withLeader(
        (req, res) => void (++asked === 1 ? res.end('one') : cut(req.socket)),
      )
      expect(await postJson(follower.url, {})).toMatchObject({ text: 'one' })
      expect(await postJson(follower.url, {})).toMatchObject(unknown)
      expect(asked).toBe(2)
    })

    test('it is killed while it works: 504', async () => {
      const { follower, server } = await withLeader(() => void closeServer(server))
      expect(await postJson(follower.url, {})).toMatchObject(unknown)
    })

    test('it hangs: 504 after responseTimeoutMs', async () => {
      const { follower } = await withLeader(() => {}, { responseTimeoutMs: 100 })
      expect(await postJson(follower.url, {})).toMatchObject(unknown)
    })

    test('it hangs and another leads by now: 504 after the hold time', async () => {
      const { follower } = await withLeader(
        () => follower.node.follow({ id: 'next', term: 4, url: 'http://127.0.0.1:1' }),
        {
          hold: { ms: 100 },
        },
      )
      expect(await postJson(follower.url, {})).toMatchObject(unknown)
    })

    test('it is slow, and another leads by now: its answer counts', async () => {
      const { follower } = await withLeader((_req, res) => {
        follower.node.follow({ id: 'next', term: 4, url: 'http://127.0.0.1:1' })
        setTimeout(() => res.end('late'), 50)
      })
      expect(await postJson(follower.url, {})).toMatchObject({ status: 200, text: 'late' })
    })

    test('it breaks off in the middle of its answer: the client sees a broken answer, not a short one', async () => {
      const { follower } = await withLeader((req, res) => {
        res.write('half')
        setTimeout(() => cut(req.socket), 20)
      })
      await expect(postJson(follower.url, {})).rejects.toThrow(/aborted|reset|hang up/)
    })
  })

  test('a long body that a refusing leader has eaten cannot go on: 503 at once, and nothing ran', async () => {
    const [other, follower] = await Promise.all([start('other'), start('follower')])
    follower.node.follow({ id: 'other', term: 3, url: other.url })
    const { req, reply } = open(follower.url, { method: 'POST', headers: { 'content-type': 'a/b' } })
    req.write(Buffer.alloc(2_000_000))
    expect(await reply).toMatchObject({
      status: 503,
      json: { error: { code: 'NO_LEADER', message: expect.stringContaining('too long') } },
    })
    req.destroy()
  })

  describe('the client goes away', () => {
    test('while the leader works: the leader sees it too', async () => {
      let closed = false
      const { follower } = await withLeader((req) => void req.socket.on('close', () => (closed = true)))
      const { req } = open(follower.url, { method: 'POST' })
      req.end('x')
      await until('the request reached the leader', () => follower.node.listenerCount('leaderChanged') > 0)
      setTimeout(() => req.destroy(), 30)
      await until('the connection to the leader was cut', () => closed)
      expect(closed).toBe(true)
    })

    test('while it reads the answer: the leader stops sending', async () => {
      let closed = false
      const { follower } = await withLeader((_req, res) => {
        res.on('close', () => (closed = true))
        const more = () =>
          void (res.write(Buffer.alloc(65_536)) ? setImmediate(more) : res.once('drain', more))
        more()
      })
      const { req } = open(follower.url, { method: 'POST' })
      req.on('response', (res) => res.once('data', () => req.destroy()))
      req.end()
      await until('the leader was told', () => closed)
      expect(closed).toBe(true)
    })

    test('while it sends its body: nothing is left behind', async () => {
      let asked = 0
      const { follower } = await withLeader(() => void asked++)
      const { req } = open(follower.url, { method: 'POST', headers: { 'content-length': 1000 } })
      const seen = new Promise((resolve) =>
        follower.server.prependListener('request', (incoming) => incoming.once('close', resolve)),
      )
      req.write('part')
      setTimeout(() => req.destroy(), 20)
      await seen
      expect(asked).toBe(0)
    })
  })

  describe('a middleware, a timeout say, answers meanwhile', () => {
    const impatient = (options: RouteWritesOptions = {}) =>
      startInstance(express, 'follower', (app, node) => {
        app.use((_req, res, next) => {
          setTimeout(() => res.headersSent || res.status(408).send('too slow'), 50)
          next()
        })
        app.use(routeWrites(node.asNode, options))
      })

    test('a request that waits is not sent any more', async () => {
      const [leader, follower] = await Promise.all([start('leader'), impatient()])
      let asked = 0
      leader.server.on('request', () => asked++)
      expect(await postJson(follower.url, {})).toMatchObject({ status: 408, text: 'too slow' })
      await until('it has left the hold', () => follower.node.eventNames().length === 0)
      elect(3, leader, follower)
      expect(await postJson(follower.url, {})).toMatchObject({ status: 200 })
      expect(asked).toBe(1)
    })

    test('an answer that comes too late is dropped', async () => {
      const { server, url } = await withLeader((_req, res) => void setTimeout(() => res.end('late'), 100))
      const follower = await impatient()
      follower.node.follow({ id: 'leader', term: 3, url })
      let closed = 0
      server.on('request', (_req, res: ServerResponse) => res.on('close', () => closed++))
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      for (let i = 1; i <= 2; i++) {
        expect(await send(follower.url, { method: 'POST', agent })).toMatchObject({
          status: 408,
          text: 'too slow',
        })
        await until('the leader is done', () => closed === i)
      }
      agent.destroy()
    })
  })

  test('a client that reads slowly slows the leader down', async () => {
    let written = 0
    const { follower } = await withLeader((_req, res) => {
      const more = () => {
        for (;;) {
          if (written >= 200_000_000) return void res.end()
          written += 65_536
          if (!res.write(Buffer.alloc(65_536))) return void res.once('drain', more)
        }
      }
      more()
    })
    const { req } = open(follower.url, { method: 'POST' })
    const paused = new Promise<IncomingMessage>((resolve) =>
      req.on('response', (res) => resolve(res.pause())),
    )
    req.end()
    await paused
    let standsStillSince = 0
    let before = -1
    await until('the leader stands still', () => {
      if (written !== before) [before, standsStillSince] = [written, performance.now()]
      return performance.now() - standsStillSince > 200
    })
    expect(written).toBeLessThan(100_000_000)
    req.destroy()
  })

  test('headers of a stream of events go at once', async () => {
    const { follower } = await withLeader(
      (_req, res) => res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
      {
        alwaysForward: ['/events'],
      },
    )
    const { req } = open(`${follower.url}/events`)
    const response = new Promise<IncomingMessage>((resolve) => req.on('response', resolve))
    req.end()
    expect((await response).headers['content-type']).toBe('text/event-stream')
    req.destroy()
  })

  test('a hold time of 0 is about no leader being known, not about the connection to one', async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower', { hold: { ms: 0 } })])
    elect(3, leader, follower)
    const replies = await Promise.all(Array.from({ length: 20 }, () => postJson(follower.url, {})))
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  })

  describe('what a leader says', () => {
    test.each([
      ['passes with a head of 100 KB', 100_000, 200],
      ['is not asked for again with one of 2 MB', 2_000_000, 504],
    ])('%s', async (_what, length, status) => {
      let asked = 0
      const { follower } = await withLeader((_req, res) => {
        asked++
        res.setHeader('X-Long', 'x'.repeat(length)).end('said')
      })
      const options = { method: 'POST', maxHeaderSize: 4_000_000 }
      expect(await send(follower.url, options)).toMatchObject({ status })
      expect(asked).toBe(1)
    })

    test.each([204, 304])('passes with status %d on a server that refuses bodies there', async (status) => {
      const { follower } = await withLeader((_req, res) => void res.writeHead(status).end())
      const app = express()
      app.use(routeWrites(follower.node.asNode))
      const strict = createServer({ rejectNonStandardBodyWrites: true }, app)
      const url = `http://127.0.0.1:${await listen(strict)}`
      expect(await postJson(url, {})).toMatchObject({ status, text: '' })
    })

    test('passes although it closes its connection while a long body is still on its way', async () => {
      const leader = await startInstance(express, 'leader', (app, node) => {
        app.use(routeWrites(node.asNode))
        app.use((_req, res) => void res.status(413).set('Connection', 'close').send('too long'))
      })
      const follower = await start('follower')
      elect(3, leader, follower)
      for (let n = 0; n < 3; n++) {
        const reply = send(follower.url, { method: 'POST' }, Buffer.alloc(20_000_000))
        expect(await reply).toMatchObject({ status: 413, text: 'too long' })
      }
    })
  })

  describe('connections', () => {
    const connections = (server: Server) =>
      new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))

    test('are kept and used again', async () => {
      const ports = new Set<number | undefined>()
      const { follower } = await withLeader((req, res) => void (ports.add(req.socket.remotePort), res.end()))
      for (let i = 0; i < 5; i++) await postJson(follower.url, {})
      expect(ports.size).toBe(1)
    })

    test.each([
      [
        'another leads',
        ({ node }: Instance) => node.follow({ id: 'next', term: 9, url: 'http://127.0.0.1:1' }),
      ],
      ['this instance leads', ({ node }: Instance) => node.lead(9)],
      [
        'the node stops',
        async ({ node }: Instance) => {
          await node.stop()
          node.emit('leaderChanged', { leader: undefined })
        },
      ],
    ])('are closed when %s, and nobody listens to the node any more', async (_when, change) => {
      const { follower, server } = await withLeader((_req, res) => void res.end())
      await postJson(follower.url, {})
      expect(await connections(server)).toBe(1)
      await change(follower)
      let open = 1
      await until('the connection is closed', () => {
        void connections(server).then((count) => (open = count))
        return open === 0
      })
      expect(follower.node.eventNames()).toEqual([])
    })

    test('stay while no leader is known', async () => {
      const ports = new Set<number | undefined>()
      const { follower, url } = await withLeader(
        (req, res) => void (ports.add(req.socket.remotePort), res.end()),
      )
      await postJson(follower.url, {})
      follower.node.follow(undefined)
      follower.node.follow({ id: 'leader', term: 4, url })
      await postJson(follower.url, {})
      expect(ports.size).toBe(1)
    })
  })
})

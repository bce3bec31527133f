import { Agent, type OutgoingHttpHeaders } from 'node:http'
import { routeWrites } from '../src/index.js'
import { open, type Reply, send, sendRaw } from './support/http-client.js'
import { closeAll, elect, EXPRESS, type Instance, startInstanceOf } from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'

afterEach(closeAll)

describe.each(EXPRESS)('connections of clients on %s', (_version, express) => {
  const start = (id: string) =>
    startInstanceOf(new RepeatingNode(id), express, (app, node) => {
      app.use(routeWrites(node.asNode, { hold: { ms: 50 }, alwaysForward: ['/fresh'] }))
      app.use(express.json({ limit: 1000 }))
      app.use('/broken', () => {
        throw new Error('a bug')
      })
      app.use('/nothing', (_req, res) => void res.status(204).end())
      app.get('/fresh/text', (_req, res) => void res.send('fresh'))
      app.all('/fresh/pieces', (_req, res) => {
        res.write('in ')
        res.end('pieces')
      })
      app.use((req, res) => void res.send(`${req.method} ${req.url} on ${id}`))
    })

  const group = async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    return { leader, follower }
  }

  /** Sends one request after the other on one connection, and tells at the end how many it took. */
  const talkTo = ({ url, server }: Instance) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let connections = 0
    server.on('connection', () => connections++)
    return {
      say: (method: string, path: string, body = '', headers: OutgoingHttpHeaders = {}): Promise<Reply> => {
        const { req, reply } = open(url + path, { agent, method, headers })
        req.end(body)
        return reply
      },
      hangUp: () => {
        agent.destroy()
        return connections
      },
    }
  }

  const json = { 'content-type': 'application/json' }
  const chunked = { 'transfer-encoding': 'chunked' }
  /** With bodies that are kept, that are streamed, and that nobody reads to the end. */
  const dialogue: [
    status: number,
    method: string,
    path: string,
    body?: string,
    headers?: OutgoingHttpHeaders,
  ][] = [
    [200, 'POST', '/a'],
    [200, 'PUT', '/a', '{"a":1}', json],
    [200, 'GET', '/a'],
    [200, 'HEAD', '/a'],
    [200, 'HEAD', '/fresh/text'],
    [204, 'DELETE', '/nothing'],
    [200, 'POST', '/fresh/pieces', 'x'.repeat(70_000), chunked],
    [400, 'POST', '/a', '{"a"', json],
    [413, 'POST', '/a', `"${'x'.repeat(50_000)}"`, json],
    [413, 'POST', '/a', `"${'x'.repeat(5_000_000)}"`, json],
    [413, 'POST', '/a', `"${'x'.repeat(5_000_000)}"`, { ...json, ...chunked }],
    [500, 'POST', '/broken', 'x'.repeat(5_000_000)],
    [200, 'OPTIONS', '/a'],
    [200, 'POST', '/a'],
  ]

  test.each(['leader', 'follower'] as const)(
    'one connection to the %s carries many requests, also behind errors and bodies that were refused',
    async (to) => {
      const { say, hangUp } = talkTo((await group())[to])
      for (const [status, method, path, body, headers] of dialogue) {
        const reply = await say(method, path, body, headers)
        expect({ method, path, status: reply.status }).toEqual({ method, path, status })
      }
      expect(hangUp()).toBe(1)
    },
  )

  test.each(['short', 'x'.repeat(5_000_000)])(
    'also behind a 503 that came without a look at the body (%#)',
    async (body) => {
      const { leader, follower } = await group()
      const { say, hangUp } = talkTo(follower)
      follower.node.follow(undefined)
      expect((await say('POST', '/a', body)).status).toBe(503)
      elect(4, leader, follower)
      expect((await say('POST', '/a', body)).text).toBe('POST /a on leader')
      expect(hangUp()).toBe(1)
    },
  )

  test('requests that come without waiting for replies are answered in their order', async () => {
    const { leader, follower } = await group()
    const text = [
      'POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none',
      'GET /2 HTTP/1.1\r\nHost: x\r\n\r\n',
      'HEAD /fresh/pieces HTTP/1.1\r\nHost: x\r\n\r\n',
      'PUT /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n',
      'GET /fresh/text HTTP/1.1\r\nHost: x\r\n\r\n',
      'DELETE /5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ].join('')
    for (const { port, node } of [follower, leader]) {
      const received = await sendRaw(port, text)
      expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(6)
      expect(received.match(/[A-Z]+ \/\d on (?:leader|follower)|fresh(?=HTTP)|pieces/g)).toEqual([
        'POST /1 on leader',
        `GET /2 on ${node.id}`,
        'PUT /3 on leader',
        'fresh',
        'DELETE /5 on leader',
      ])
    }
  })

  test.each(['/fresh/text', '/fresh/pieces', '/a'])(
    'HEAD %s has the head of its GET, and nothing else, from wherever',
    async (path) => {
      const { leader, follower } = await group()
      for (const { url } of [follower, leader]) {
        const [head, get] = await Promise.all(['HEAD', 'GET'].map((method) => send(url + path, { method })))
        expect(head?.body).toHaveLength(0)
        for (const name of ['content-type', 'leasehold-served-by', 'leasehold-position', 'leasehold-leader'])
          expect(head?.headers[name]).toBe(get?.headers[name])
        expect(head?.status).toBe(200)
      }
    },
  )

  test('a reply that has not changed is a 304 without a body, through a follower too', async () => {
    const { leader, follower } = await group()
    const { say, hangUp } = talkTo(follower)
    const { etag } = (await say('GET', '/fresh/text')).headers
    const again = await say('GET', '/fresh/text', '', { 'if-none-match': etag })
    expect(again).toMatchObject({ status: 304, headers: { etag, 'leasehold-served-by': leader.node.id } })
    expect(again.body).toHaveLength(0)
    expect((await say('POST', '/a')).text).toBe('POST /a on leader')
    expect(hangUp()).toBe(1)
  })
})

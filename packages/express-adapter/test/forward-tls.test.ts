import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Logger } from '@leasehold/core'
import { Authority, type Certificate } from '../../../test/support/certificates.js'
import { routeWrites, type RouteWritesOptions } from '../src/index.js'
import { postJson, send } from './support/http-client.js'
import { closeAll, EXPRESS, listen, startInstance } from './support/instances.js'

let authority: Authority
let stranger: Authority
let certificate: Certificate

beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([Authority.create(), Authority.create('Other CA')])
  certificate = await authority.issue()
})
afterEach(closeAll)

describe.each(EXPRESS)('forwarding to a leader behind https, on %s', (_version, express) => {
  /** A leader made of a plain https server, and a follower that knows it. */
  const withLeader = async (
    server: ServerOptions,
    options: RouteWritesOptions = {},
    handler: (req: IncomingMessage, res: ServerResponse) => void = (_req, res) => res.end('done'),
  ) => {
    const asked: IncomingMessage[] = []
    const leader = createHttpsServer({ ...certificate, ...server }, (req, res) => {
      asked.push(req)
      handler(req, res)
    })
    const port = await listen(leader)
    const follower = await startInstance(express, 'follower', (app, node) => {
      app.use(routeWrites(node.asNode, { hold: { ms: 1000 }, ...options }))
    })
    const lead = (host = '127.0.0.1') =>
      follower.node.follow({ id: 'leader', term: 3, url: `https://${host}:${port}` })
    lead()
    return { asked, follower, leader, lead }
  }

  const trusting = (tls: RouteWritesOptions['tls'] = {}) => ({ tls: { ca: authority.cert, ...tls } })

  test('a CA of its own is trusted, and connections are kept', async () => {
    const { asked, follower } = await withLeader({}, trusting())
    for (let i = 0; i < 3; i++)
      expect(await postJson(follower.url, {})).toMatchObject({ status: 200, text: 'done' })
    expect(new Set(asked.map((req) => req.socket.remotePort)).size).toBe(1)
  })

  test('by name as well as by address', async () => {
    const { follower, lead } = await withLeader({}, trusting())
    lead('localhost')
    expect(await postJson(follower.url, {})).toMatchObject({ status: 200 })
  })

  test("the client's Host decides neither whom to trust nor which connection is taken", async () => {
    const { asked, follower } = await withLeader({}, trusting())
    for (const host of ['shop.example', 'localhost', 'other.example', '127.0.0.1', 'shop.example']) {
      expect(await send(follower.url, { method: 'POST', headers: { host } })).toMatchObject({ status: 200 })
    }
    expect(asked.map((req) => req.headers.host)).toContain('other.example')
    expect(new Set(asked.map((req) => req.socket.remotePort)).size).toBe(1)
  })

  test('nor does it make a certificate good that is for that Host', async () => {
    const wrong = await authority.issue({ hosts: ['shop.example'] })
    const { asked, follower } = await withLeader(wrong, trusting())
    const reply = await send(follower.url, { method: 'POST', headers: { host: 'shop.example' } })
    expect(reply.status).toBe(503)
    expect(asked).toEqual([])
  })

  test('the certificate may be for a name that all instances share', async () => {
    const shared = await authority.issue({ hosts: ['instances.test'] })
    const { follower } = await withLeader(shared, trusting({ servername: 'instances.test' }))
    expect(await postJson(follower.url, {})).toMatchObject({ status: 200 })
  })

  describe('a leader that is not trusted gets nothing:', () => {
    test.each<[string, string, () => Promise<[ServerOptions, RouteWritesOptions]>]>([
      ['an unknown CA', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', async () => [{}, {}]],
      ['another CA', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', async () => [{}, { tls: { ca: stranger.cert } }]],
      [
        'another host',
        'ERR_TLS_CERT_ALTNAME_INVALID',
        async () => [await authority.issue({ hosts: ['elsewhere.test'] }), trusting()],
      ],
      [
        'a certificate that has run out',
        'CERT_HAS_EXPIRED',
        async () => [await authority.issue({ expired: true }), trusting()],
      ],
    ])('%s', async (_what, code, setUp) => {
      const warn = jest.fn<void, [object, string]>()
      const logger = { warn, debug() {}, info() {}, error() {} } satisfies Logger
      const [server, options] = await setUp()
      const { asked, follower } = await withLeader(server, { ...options, logger })
      const replies = await Promise.all([postJson(follower.url, {}), postJson(follower.url, { b: 2 })])
      for (const reply of replies) {
        expect(reply.status).toBe(503)
        expect(reply.headers['retry-after']).toBe('1')
        expect(reply.json).toMatchObject({
          error: {
            code: 'NO_LEADER',
            message: expect.stringContaining(`the last, leader, could not be reached (${code})`),
          },
        })
      }
      expect(asked).toEqual([])
      // Tried again and again meanwhile, and told once.
      expect(warn.mock.calls).toEqual([
        [
          { leader: 'leader', url: follower.node.leader?.url, err: expect.objectContaining({ code }) },
          'the leader cannot be reached',
        ],
      ])
    })
  })

  describe('a leader that asks for a certificate', () => {
    const asking = () => ({ ca: authority.cert, requestCert: true, rejectUnauthorized: true })

    test('gets it', async () => {
      const own = await authority.issue({ hosts: ['follower.test'] })
      const { follower } = await withLeader(asking(), trusting(own), (req, res) => {
        res.end((req.socket as TLSSocket).getPeerCertificate().subject.CN)
      })
      expect(await postJson(follower.url, {})).toMatchObject({ status: 200, text: 'follower.test' })
    })

    test.each([
      ['and gets none', async () => ({})],
      ['and gets one that it does not trust', () => stranger.issue()],
    ])('%s, runs nothing; that it has not cannot be known here', async (_what, issue) => {
      const warn = jest.fn<void, [object, string]>()
      const logger = { warn, debug() {}, info() {}, error() {} } satisfies Logger
      const options = { ...trusting(await issue()), logger }
      const { asked, follower } = await withLeader(asking(), options)
      const { status, json } = await postJson(follower.url, {})
      expect(status).toBe(504)
      expect(json).toMatchObject({ error: { code: 'OUTCOME_UNKNOWN' } })
      expect(asked).toEqual([])
      const { requestId } = json['error'] as { requestId: string }
      expect(warn.mock.calls).toEqual([
        [
          { requestId, leader: 'leader', err: expect.objectContaining({ message: expect.any(String) }) },
          'the leader took a request and did not answer it',
        ],
      ])
    })
  })

  test('the leader learns how the client came', async () => {
    const echo = (req: IncomingMessage, res: ServerResponse) => void res.end(JSON.stringify(req.headers))
    const { follower } = await withLeader({}, trusting(), echo)
    const reply = await send(follower.url, { method: 'POST', headers: { host: 'shop.example' } })
    expect(reply.json).toMatchObject({
      host: 'shop.example',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'http',
    })
  })
})

import type { ErrorRequestHandler } from 'express'
import type { OutgoingHttpHeaders } from 'node:http'
import { deflateSync, gzipSync } from 'node:zlib'
import { routeWrites } from '../src/index.js'
import { open, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstanceOf } from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'

afterEach(closeAll)

const VALUE = { items: Array.from({ length: 5000 }, (_, i) => `item ${i}`) }
const JSON_TEXT = Buffer.from(JSON.stringify(VALUE))

/** Behind routeWrites a parser finds what the client sent, on the leader and through a follower. */
describe.each(EXPRESS)('body parsers behind routeWrites on %s', (_version, express) => {
  const group = async () => {
    const answerError: ErrorRequestHandler = (error: { status: number; type: string }, _req, res, _next) => {
      res.status(error.status).send(error.type)
    }
    const start = (id: string) =>
      startInstanceOf(new RepeatingNode(id), express, (app, node) => {
        app.use(routeWrites(node.asNode, { maxBufferBytes: 1_000_000 }))
        app.use(express.json({ limit: 300_000 }), express.urlencoded({ extended: true }))
        app.use((req, res) => void res.json(req.body))
        app.use(answerError)
      })
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    return [leader, follower]
  }
  const post = (url: string, headers: OutgoingHttpHeaders, body: Buffer) =>
    send(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }, body)

  test.each([
    ['gzip', gzipSync(JSON_TEXT)],
    ['deflate', deflateSync(JSON_TEXT)],
  ])('a body in %s is inflated where it is parsed', async (encoding, body) => {
    for (const { url } of await group()) {
      const chunked = { 'content-encoding': encoding, 'transfer-encoding': 'chunked' }
      expect((await post(url, { 'content-encoding': encoding }, body)).json).toEqual(VALUE)
      expect((await post(url, chunked, body)).json).toEqual(VALUE)
    }
  })

  test('a form is parsed there', async () => {
    for (const { url } of await group()) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      expect((await post(url, headers, Buffer.from('a[b]=1&c=%C3%BC'))).json).toEqual({
        a: { b: '1' },
        c: 'ü',
      })
    }
  })

  test.each([
    ['is no JSON', {}, Buffer.from('{"a":'), 400, 'entity.parse.failed'],
    ['is not the gzip that it claims to be', { 'content-encoding': 'gzip' }, JSON_TEXT, 400, undefined],
    ['is in an unknown encoding', { 'content-encoding': 'x-mine' }, JSON_TEXT, 415, 'encoding.unsupported'],
    ['is too large', {}, Buffer.alloc(400_000, ' '), 413, 'entity.too.large'],
    ['is too large to be kept', {}, Buffer.alloc(4_000_000, ' '), 413, 'entity.too.large'],
    [
      'is too large once it is inflated',
      { 'content-encoding': 'gzip' },
      gzipSync(Buffer.alloc(400_000, ' ')),
      413,
      'entity.too.large',
    ],
  ])("one that %s gets the parser's answer", async (_what, headers, body, status, type) => {
    for (const { url } of await group()) {
      const reply = await post(url, headers, body)
      expect(reply.status).toBe(status)
      expect(type === undefined || reply.text === type).toBe(true)
      expect((await post(url, {}, JSON_TEXT)).json).toEqual(VALUE)
    }
  })

  test.each([
    ['short', '["short"]'],
    ['too long to be kept', JSON.stringify([' '.repeat(290_000)]) + ' '.repeat(9_000)],
  ])('a client that waits for 100 Continue with a %s body is told to go on', async (_what, body) => {
    for (const { url } of await group()) {
      const headers = {
        expect: '100-continue',
        'content-type': 'application/json',
        'content-length': body.length,
      }
      const { req, reply } = open(url, { method: 'POST', headers })
      const goOn = new Promise((resolve) => req.once('continue', resolve))
      req.flushHeaders()
      await goOn
      req.end(body)
      expect((await reply).json).toEqual(JSON.parse(body))
    }
  })
})

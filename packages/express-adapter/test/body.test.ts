import { createHash } from 'node:crypto'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import type { Express, Request } from 'express'
import { routeWrites } from '../src/index.js'
import { open, postJson, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, freePort, startInstance } from './support/instances.js'
import { until } from './support/until.js'

afterEach(closeAll)

const form = 'application/x-www-form-urlencoded'
const sha = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
const noise = (size: number) =>
  Buffer.from(new Uint8Array(size).map((_, i) => Math.imul(i, 2654435761) >>> 24))

async function readAll(req: Request): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

describe.each(EXPRESS)('bodies on %s', (_version, express) => {
  /** An app that answers with the bytes and headers it got. */
  const echo = (app: Express) =>
    app.use((req, res, next) => {
      readAll(req).then((bytes) => {
        const {
          'content-length': length,
          'content-encoding': encoding,
          'content-type': type,
          'transfer-encoding': te,
        } = req.headers
        res.json({
          size: bytes.length,
          sha: sha(bytes),
          text: bytes.toString('latin1').slice(0, 200),
          length,
          encoding,
          type,
          te,
        })
      }, next)
    })

  const rawLeader = (id = 'leader') =>
    startInstance(express, id, (app, node) => {
      app.use(routeWrites(node.asNode))
      echo(app)
    })

  const follower = (before: (app: Express) => void, options = {}) =>
    startInstance(express, 'follower', (app, node) => {
      before(app)
      app.use(routeWrites(node.asNode, options))
      echo(app)
    })

  const pair = async (before: (app: Express) => void = () => {}, options = {}) => {
    const instances = await Promise.all([rawLeader(), follower(before, options)])
    elect(5, ...instances)
    return instances[1]
  }

  describe('before body parsers', () => {
    test.each([
      ['binary', noise(5000), {}],
      ['gzip', gzipSync('{"a":1}'), { 'content-encoding': 'gzip', 'content-type': 'application/json' }],
      ['one byte', Buffer.from('x'), {}],
      ['exactly the bound', noise(1024 * 1024), {}],
      ['above the bound', noise(1024 * 1024 + 1), {}],
      ['far above the bound', noise(7_000_000), {}],
    ])('%s passes byte for byte', async (_what, body, headers) => {
      const { url } = await pair()
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const { json } = await send(
          url,
          { method, headers: { ...headers, 'content-length': body.length } },
          body,
        )
        expect(json).toMatchObject({ size: body.length, sha: sha(body), length: String(body.length) })
        expect(json.encoding).toBe((headers as Record<string, string>)['content-encoding'])
      }
    })

    test.each([10, 3_000_000])('a chunked body of %d bytes passes', async (size) => {
      const { url } = await pair()
      const { req, reply } = open(url, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } })
      const body = noise(size)
      for (let i = 0; i < size; i += size / 10) req.write(body.subarray(i, i + size / 10))
      req.end()
      expect((await reply).json).toMatchObject({ size, sha: sha(body) })
    })

    test('a body that comes slowly passes', async () => {
      const { url } = await pair()
      const { req, reply } = open(url, { method: 'POST', headers: { 'content-length': 9 } })
      for (const part of ['one', 'two', 'end']) {
        req.write(part)
        await new Promise((resolve) => setImmediate(resolve))
      }
      req.end()
      expect((await reply).json).toMatchObject({ text: 'onetwoend' })
    })

    test.each([
      ['no body', {}, undefined],
      ['content-length 0', { 'content-length': '0' }, undefined],
      ['an empty chunked body', { 'transfer-encoding': 'chunked' }, ''],
    ])('%s passes', async (_what, headers, body) => {
      const { url } = await pair()
      for (const method of ['POST', 'DELETE']) {
        expect((await send(url, { method, headers }, body)).json).toMatchObject({ size: 0 })
      }
    })

    test('a parser that left the body alone does no harm', async () => {
      const { url } = await pair((app) => app.use(express.json(), express.urlencoded({ extended: true })))
      const body = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'
      const { json } = await send(
        url,
        { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=b' } },
        body,
      )
      expect(json).toMatchObject({ text: body, type: 'multipart/form-data; boundary=b' })
    })

    test('a middleware that took its time before does no harm', async () => {
      const { url } = await pair((app) => app.use((_req, _res, next) => void setTimeout(next, 20)))
      const body = noise(200_000)
      expect((await send(url, { method: 'POST' }, body)).json).toMatchObject({
        size: body.length,
        sha: sha(body),
      })
    })
  })

  describe('behind body parsers', () => {
    const parsers = (app: Express) =>
      app.use(
        express.json({ strict: false }),
        express.urlencoded({ extended: true }),
        express.text({ type: 'text/*' }),
        express.raw({ type: 'application/octet-stream' }),
      )
    const post = async (url: string, type: string, body: string | Buffer, headers = {}) =>
      (await send(url, { method: 'POST', headers: { 'content-type': type, ...headers } }, body)).json

    test('JSON is written down again', async () => {
      const { url } = await pair(parsers)
      const value = '{ "a": [1, null, "ü€"], "__proto__": 1 }'
      const type = 'application/vnd.api+json'
      const json = await post(url, 'application/json', value)
      expect(Buffer.from(json.text as string, 'latin1').toString()).toBe('{"a":[1,null,"ü€"],"__proto__":1}')
      expect(Number(json.length)).toBe(json.size)
      expect((await post(url, 'application/json', '"text"')).text).toBe('"text"')
      expect((await post(url, 'application/json', 'false')).text).toBe('false')
      expect((await post(url, type, '{"not":"parsed"}')).text).toBe('{"not":"parsed"}') // by no parser here
    })

    test('what a parser has inflated goes inflated', async () => {
      const { url } = await pair(parsers)
      const json = await post(url, 'application/json', gzipSync('{"a":1}'), { 'content-encoding': 'gzip' })
      expect(json).toMatchObject({ text: '{"a":1}', length: '7' })
      expect(json.encoding).toBeUndefined()
    })

    test('another charset becomes UTF-8', async () => {
      const { url } = await pair(parsers)
      const json = await post(url, 'application/json; charset=utf-16le', Buffer.from('{"a":"ü"}', 'utf16le'))
      expect(json).toMatchObject({ size: 10, type: 'application/json; charset=utf-8' })
    })

    test('text and raw bodies pass as they are', async () => {
      const { url } = await pair(parsers)
      expect(await post(url, 'text/plain', 'hello')).toMatchObject({ text: 'hello' })
      expect(await post(url, 'application/octet-stream', noise(3000))).toMatchObject({
        sha: sha(noise(3000)),
      })
      const asText = await pair((app) => app.use(express.text({ type: '*/*' })))
      expect(await post(asText.url, 'application/json', '{"a" : 1}')).toMatchObject({ text: '{"a" : 1}' })
    })

    test.each([true, false])('urlencoded bodies mean the same (extended: %s)', async (extended) => {
      const parser = express.urlencoded({ extended })
      const leader = await startInstance(express, 'leader', (app, node) => {
        app.use(routeWrites(node.asNode), parser)
        app.use((req, res) => void res.json(req.body))
      })
      const instance = await follower((app) => app.use(parser))
      elect(5, leader, instance)
      const bodies = [
        'a=1&b=%C3%BC+%26&c=',
        'a=1&a=2&a=3',
        'x[y][z]=1&x[y][w]=2',
        'l[]=one',
        'l[]=1&l[]=2',
        'o[0][a]=1&o[1][a]=2',
      ]
      for (const body of bodies) {
        expect(await post(instance.url, form, body)).toEqual(await post(leader.url, form, body))
      }
    })

    test.each([
      ['multipart', 'multipart/form-data; boundary=b', '--b--'],
      ['an unknown type', 'application/x-protobuf', 'abc'],
    ])('%s that was read is a clear error', async (_what, type, body) => {
      const { url } = await pair((app) =>
        app.use((req, _res, next) => void readAll(req).then(() => next(), next)),
      )
      const { status, json } = await send(url, { method: 'POST', headers: { 'content-type': type } }, body)
      expect(status).toBe(500)
      expect(json).toMatchObject({
        error: { code: 'BODY_CONSUMED', message: expect.stringContaining('Mount routeWrites before') },
      })
    })
  })

  /** What a handler may do with the body after it was held here, or even read and put back. */
  const readers: [string, (app: Express) => void][] = [
    [
      'express.json()',
      (app) =>
        app.use(express.json({ limit: '9mb' }), (req, res) => void res.send(sha(JSON.stringify(req.body)))),
    ],
    [
      'express.raw()',
      (app) =>
        app.use(
          express.raw({ type: '*/*', limit: '9mb' }),
          (req, res) => void res.send(sha(req.body as Buffer)),
        ),
    ],
    [
      'for await',
      (app) => app.use((req, res, next) => void readAll(req).then((bytes) => res.send(sha(bytes)), next)),
    ],
    [
      'pipe',
      (app) =>
        app.use((req, res, next) => {
          const hash = createHash('sha256')
          const sink = new Writable({
            write: (chunk: Buffer, _encoding, done) => void (hash.update(chunk), setImmediate(done)),
          })
          pipeline(req, sink).then(() => res.send(hash.digest('hex')), next)
        }),
    ],
    [
      "'data' and 'end', later",
      (app) =>
        app.use((req, res) => {
          setTimeout(() => {
            const hash = createHash('sha256')
            req
              .on('data', (chunk: Buffer) => hash.update(chunk))
              .on('end', () => res.send(hash.digest('hex')))
          }, 20)
        }),
    ],
  ]

  describe.each(readers)('a request that this instance serves after all, by %s', (_reader, mountReader) => {
    const start = (options = {}) =>
      startInstance(express, 'me', (app, node) => {
        app.use(routeWrites(node.asNode, options))
        mountReader(app)
      })
    const [short, long] = [
      JSON.stringify({ a: 1 }),
      JSON.stringify(noise(150_000).toString('base64')).replace(/^/, '[').concat(']'),
    ]

    test.each([short, long])(
      'it became the leader while the request was held: the body is whole (%#)',
      async (body) => {
        const me = await start()
        const reply = send(me.url, { method: 'POST', headers: { 'content-type': 'application/json' } }, body)
        await until('the request waits', () => me.node.listenerCount('elected') > 0)
        me.node.lead(3)
        expect(await reply).toMatchObject({ status: 200, text: sha(body) })
        expect((await reply).headers['leasehold-served-by']).toBe('me')
      },
    )

    test.each([short, long])(
      'its leader could not be reached, so it was read already: the body is whole (%#)',
      async (body) => {
        const me = await start()
        me.node.follow({ id: 'dead', term: 2, url: `http://127.0.0.1:${await freePort()}` })
        const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
        const { req, reply } = open(me.url, { method: 'POST', headers })
        req.write(body.slice(0, 5))
        setImmediate(() => req.end(body.slice(5)))
        await until('the leader was tried', () => me.node.listenerCount('elected') > 0)
        me.node.lead(3)
        expect(await reply).toMatchObject({ status: 200, text: sha(body) })
      },
    )

    test('the beginning of a long body was read: the body is whole', async () => {
      const me = await start({ maxBufferBytes: 1000 })
      me.node.follow({ id: 'dead', term: 2, url: `http://127.0.0.1:${await freePort()}` })
      const body = long
      const { req, reply } = open(me.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      })
      req.write(body.slice(0, 2000))
      await until('the leader was tried', () => me.node.listenerCount('elected') > 0)
      me.node.lead(3)
      req.end(body.slice(2000))
      expect(await reply).toMatchObject({ status: 200, text: sha(body) })
    })
  })

  test.each(['read', 'not read'])(
    'an empty chunked body that was %s is still an empty body for a parser',
    async (read) => {
      const me = await startInstance(express, 'me', (app, node) => {
        app.use(routeWrites(node.asNode), express.json())
        app.use((req, res) => void res.json({ body: req.body }))
      })
      if (read === 'read')
        me.node.follow({ id: 'dead', term: 2, url: `http://127.0.0.1:${await freePort()}` })
      const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
      const reply = send(me.url, { method: 'POST', headers }, '')
      await until('the request waits', () => me.node.listenerCount('elected') > 0)
      me.node.lead(3)
      expect((await reply).json).toEqual({ body: {} })
    },
  )

  test('a parsed body serves here too', async () => {
    const me = await startInstance(express, 'me', (app, node) => {
      app.use(express.json(), routeWrites(node.asNode))
      app.use((req, res) => void res.json(req.body))
    })
    me.node.follow({ id: 'dead', term: 2, url: `http://127.0.0.1:${await freePort()}` })
    const reply = postJson(me.url, { a: 1 })
    await until('the leader was tried', () => me.node.listenerCount('elected') > 0)
    me.node.lead(3)
    expect((await reply).json).toEqual({ a: 1 })
  })
})

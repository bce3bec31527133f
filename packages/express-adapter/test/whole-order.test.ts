import compression from 'compression'
import cors from 'cors'
import { rateLimit } from 'express-rate-limit'
import session, { MemoryStore } from 'express-session'
import multer from 'multer'
import { gunzipSync } from 'node:zlib'
import { clusterErrors, consistentReads, routeWrites } from '../src/index.js'
import { postJson, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstanceOf } from './support/instances.js'
import { ReplicaNode } from './support/replica-node.js'

declare module 'express-session' {
  interface SessionData {
    visits: number
  }
}

afterEach(closeAll)

const ORIGIN = 'https://shop.example'

/** The order that docs/middlewares.md has, with everything at once. */
describe.each(EXPRESS)('all middlewares in their order on %s', (_version, express) => {
  const group = async () => {
    const store = new MemoryStore() // one for all, as one in Redis is
    const start = (id: string) =>
      startInstanceOf(new ReplicaNode(id), express, (app, node) => {
        app.set('trust proxy', 'loopback')
        app.use(cors({ origin: ORIGIN, credentials: true }))
        app.use(compression({ threshold: 0 }))
        app.use(routeWrites(node.asNode, { hold: { ms: 50 } }))
        app.use(consistentReads(node.asNode))
        app.use(session({ secret: 's', store, resave: false, saveUninitialized: false }))
        app.use(rateLimit({ limit: 5 }))
        app.use(express.json())
        app.post('/visits', async (req, res) => {
          await node.write()
          node.apply(node.position.index + 1)
          req.session.visits = (req.session.visits ?? 0) + 1
          res.json({ ranOn: id, visits: req.session.visits, body: req.body as unknown })
        })
        app.post('/photos', multer().single('photo'), (req, res) => void res.send(req.file?.buffer))
        app.get('/', (req, res) => void res.json({ ranOn: id, visits: req.session.visits }))
        app.use(clusterErrors(node.asNode))
      })
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    return { leader, follower }
  }

  test('a visit through a follower, and what it leaves', async () => {
    const { leader, follower } = await group()
    const headers = { origin: ORIGIN, 'x-forwarded-for': '203.0.113.7' }
    const first = await postJson(
      `${follower.url}/visits`,
      { a: 1 },
      { ...headers, 'accept-encoding': 'gzip' },
    )
    expect(JSON.parse(gunzipSync(first.body).toString())).toEqual({
      ranOn: 'leader',
      visits: 1,
      body: { a: 1 },
    })
    expect(first.headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'content-encoding': 'gzip',
      'leasehold-position': 'log.1.8',
      'leasehold-served-by': 'leader',
      'x-ratelimit-remaining': '4',
    })
    expect(first.headers['set-cookie']?.map((one) => one.split('=')[0]).toSorted()).toEqual([
      'connect.sid',
      'leasehold-group',
    ])

    const cookie = first.headers['set-cookie']?.map((one) => one.split(';')[0]).join('; ') ?? ''
    const second = await postJson(`${leader.url}/visits`, {}, { ...headers, cookie })
    expect(second.json).toMatchObject({ visits: 2 })
    follower.node.apply(9)
    const read = await send(follower.url, { headers: { ...headers, cookie } })
    expect(read).toMatchObject({ status: 200, json: { ranOn: 'follower', visits: 2 } })
  })

  test('an upload through a follower', async () => {
    const { follower } = await group()
    const form = new FormData()
    form.append('photo', new Blob(['light and shade']), 'photo.jpg')
    const reply = await fetch(`${follower.url}/photos`, { method: 'POST', body: form })
    expect([reply.status, await reply.text()]).toEqual([200, 'light and shade'])
  })

  test('the sixth write of a client is one too many, of another it is not, and a script may read that', async () => {
    const { leader, follower } = await group()
    const visit = (url: string, client: string) =>
      postJson(`${url}/visits`, {}, { origin: ORIGIN, 'x-forwarded-for': client })
    for (const { url } of [follower, leader, follower, leader, follower])
      expect((await visit(url, '203.0.113.7')).status).toBe(200)
    expect(await visit(follower.url, '203.0.113.7')).toMatchObject({
      status: 429,
      headers: { 'access-control-allow-origin': ORIGIN },
    })
    expect((await visit(follower.url, '203.0.113.8')).status).toBe(200)
  })

  test('nobody leads: a script may read why', async () => {
    const { follower } = await group()
    follower.node.follow(undefined)
    expect(await postJson(`${follower.url}/visits`, {}, { origin: ORIGIN })).toMatchObject({
      status: 503,
      headers: { 'access-control-allow-origin': ORIGIN },
      json: { error: { code: 'NO_LEADER' } },
    })
  })
})

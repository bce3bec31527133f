import compression from 'compression'
import cors from 'cors'
import type { Express, RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import session from 'express-session'
import multer from 'multer'
import { clusterErrors, routeWrites } from '../src/index.js'
import { postJson, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance, startInstanceOf } from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'

afterEach(closeAll)

describe.each(EXPRESS)('middlewares around routeWrites on %s', (_version, express) => {
  const start = (id: string, ran: string[]) =>
    startInstance(express, id, (app, node) => {
      const note =
        (where: string): RequestHandler =>
        (_req, _res, next) => {
          ran.push(`${where} ${id}`)
          next()
        }
      app.use(note('before'), routeWrites(node.asNode, { hold: { ms: 50 } }), note('behind'))
      app.use((_req, res) => void res.send(id))
    })

  const group = async () => {
    const ran: string[] = []
    const [leader, follower] = await Promise.all([start('leader', ran), start('follower', ran)])
    elect(3, leader, follower)
    return { leader, follower, ran }
  }

  test('before it: on both instances of a forwarded write; behind it: on the leader alone', async () => {
    const { follower, ran } = await group()
    await postJson(follower.url, {})
    expect(ran).toEqual(['before follower', 'before leader', 'behind leader'])
  })

  test.each(['GET', 'HEAD', 'OPTIONS'])('a %s runs both where it arrives', async (method) => {
    const { follower, ran } = await group()
    await send(follower.url, { method })
    expect(ran).toEqual(['before follower', 'behind follower'])
  })

  test('a write at the leader runs both there, once', async () => {
    const { leader, ran } = await group()
    await postJson(leader.url, {})
    expect(ran).toEqual(['before leader', 'behind leader'])
  })

  test('what is behind it does not see a write that nobody takes', async () => {
    const { follower, ran } = await group()
    follower.node.follow(undefined)
    expect(await postJson(follower.url, {})).toMatchObject({ status: 503 })
    expect(ran).toEqual(['before follower'])
  })

  const sessions = () => session({ secret: 's', resave: false, saveUninitialized: true })
  const limiter = () => rateLimit({ validate: false, limit: 100, keyGenerator: async () => 'everybody' })
  const uploads = () => multer().any()
  const form = '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n1\r\n--b--\r\n'
  const types = {
    json: ['application/json', '{"a":1}'],
    multipart: ['multipart/form-data; boundary=b', form],
  } as const

  /** A handler knows by its context which request it writes for, and a callback may lose that. */
  test.each<[string, keyof typeof types, (app: Express) => void]>([
    ['express.json', 'json', (app) => app.use(express.json())],
    ['express-session', 'json', (app) => app.use(sessions())],
    ['express-rate-limit', 'json', (app) => app.use(limiter())],
    ['multer', 'multipart', (app) => app.use(uploads())],
    ['compression', 'json', (app) => app.use(compression())],
    ['cors', 'json', (app) => app.use(cors())],
    ['all of them', 'multipart', (app) => app.use(cors(), compression(), limiter(), sessions(), uploads())],
  ])('a write behind %s is known by its request', async (_what, type, mount) => {
    const opIds: string[] = []
    const start = (id: string) =>
      startInstanceOf(new RepeatingNode(id), express, (app, node) => {
        app.use(routeWrites(node.asNode))
        mount(app)
        app.post('/', (_req, res, next) => {
          node.write().then((opId) => {
            opIds.push(opId)
            res.send(id)
          }, next)
        })
        app.use(clusterErrors(node.asNode))
      })
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    for (const { url } of [leader, follower]) {
      const [contentType, body] = types[type]
      const headers = { 'content-type': contentType }
      expect(await send(url, { method: 'POST', headers }, body)).toMatchObject({
        status: 200,
        text: 'leader',
      })
    }
    expect(opIds).toEqual(leader.node.ran.map(({ requestId }) => `${requestId}.0`))
  })
})

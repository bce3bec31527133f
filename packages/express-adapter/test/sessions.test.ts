import type { Express, Request, RequestHandler } from 'express'
import session, { type SessionData, type SessionOptions } from 'express-session'
import { clusterErrors, routeWrites } from '../src/index.js'
import { type Reply, send } from './support/http-client.js'
import {
  closeAll,
  elect,
  EXPRESS,
  type Instance,
  startInstance,
  startInstanceOf,
} from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'

declare module 'express-session' {
  interface SessionData {
    user: string
    items: number
  }
}

afterEach(closeAll)

/** A store that all instances share, as one in Redis is; it notes what it is asked for. */
class SharedStore extends session.MemoryStore {
  readonly asked: string[] = []

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void) {
    this.asked.push('get')
    super.get(sid, callback)
  }

  override set(sid: string, data: SessionData, callback?: (error?: unknown) => void) {
    this.asked.push('set')
    super.set(sid, data, callback)
  }

  override touch(sid: string, data: SessionData, callback?: () => void) {
    this.asked.push('touch')
    super.touch(sid, data, callback)
  }
}

/** As a browser: of two cookies with one name it keeps the last. */
const cookieOf = ({ headers }: Reply) => headers['set-cookie']?.at(-1)?.split(';')[0] ?? ''
const post = (url: string, cookie = '') => send(url, { method: 'POST', headers: { cookie } })
const get = async (url: string, cookie: string) => (await send(url, { headers: { cookie } })).json

const routes = (app: Express) => {
  app.post('/login', (req, res) => {
    req.session.user = 'ada'
    res.send('welcome')
  })
  app.post('/items', (req, res) => {
    req.session.items = (req.session.items ?? 0) + 1
    res.send(String(req.session.items))
  })
  app.post('/nothing', (_req, res) => void res.send('done'))
  app.post('/logout', (req, res, next) =>
    req.session.destroy((error) => (error ? next(error) : res.send('bye'))),
  )
  app.get('/', (req, res) => void res.json({ user: req.session.user ?? null, items: req.session.items ?? 0 }))
}

describe.each(EXPRESS)('express-session on %s', (_version, express) => {
  type Order = (routing: RequestHandler, sessions: RequestHandler) => RequestHandler[]
  const behind: Order = (routing, sessions) => [routing, sessions]
  const before: Order = (routing, sessions) => [sessions, routing]

  const sessions = (options: Partial<SessionOptions>) =>
    session({ secret: 's', resave: false, saveUninitialized: false, ...options })

  const start = (id: string, order: Order, options: Partial<SessionOptions>) =>
    startInstance(express, id, (app, node) => {
      app.set('trust proxy', 'loopback')
      app.use(...order(routeWrites(node.asNode), sessions(options)))
      routes(app)
    })

  const group = async (order: Order, options: Partial<SessionOptions> = {}) => {
    const [leader, follower, other] = await Promise.all([
      start('leader', order, options),
      start('follower', order, options),
      start('other', order, options),
    ])
    elect(3, leader, follower, other)
    return { leader, follower, other, all: [leader, follower, other] }
  }
  const seenBy = (instances: Instance[], cookie: string) =>
    Promise.all(instances.map(({ url }) => get(url, cookie)))

  describe('behind routeWrites, with a shared store', () => {
    test('a login through a follower counts on every instance, and a logout too', async () => {
      const { follower, other, all } = await group(behind, { store: new SharedStore() })
      const login = await post(`${follower.url}/login`)
      expect(login.headers['set-cookie']).toHaveLength(1)
      const cookie = cookieOf(login)
      for (const seen of await seenBy(all, cookie)) expect(seen).toMatchObject({ user: 'ada' })
      expect(await post(`${other.url}/logout`, cookie)).toMatchObject({ status: 200, text: 'bye' })
      for (const seen of await seenBy(all, cookie)) expect(seen).toMatchObject({ user: null })
    })

    test('a forwarded request reads the session once, and writes it once', async () => {
      const store = new SharedStore()
      const { follower } = await group(behind, { store })
      const cookie = cookieOf(await post(`${follower.url}/login`))
      store.asked.length = 0
      await post(`${follower.url}/items`, cookie)
      await post(`${follower.url}/nothing`, cookie)
      expect(store.asked).toEqual(['get', 'set', 'get', 'touch'])
    })

    test('whatever the options, a reply has one cookie', async () => {
      const options = { rolling: true, resave: true, saveUninitialized: true, cookie: { maxAge: 60_000 } }
      const { follower, other } = await group(behind, { ...options, store: new SharedStore() })
      const login = await post(`${follower.url}/login`)
      const cookie = cookieOf(login)
      expect(login.headers['set-cookie']).toHaveLength(1)
      for (const { url } of [follower, other, follower]) {
        const reply = await post(`${url}/items`, cookie)
        expect(reply.headers['set-cookie']).toHaveLength(1)
        expect(cookieOf(reply)).toBe(cookie)
      }
      expect(await get(other.url, cookie)).toEqual({ user: 'ada', items: 3 })
    })

    test('a cookie for TLS alone is set through a follower whom the leader trusts', async () => {
      const { follower } = await group(behind, { store: new SharedStore(), cookie: { secure: true } })
      const headers = { 'x-forwarded-proto': 'https' } // from the proxy before the follower
      const login = await send(`${follower.url}/login`, { method: 'POST', headers })
      expect(login.headers['set-cookie']).toEqual([expect.stringContaining('Secure')])
      expect((await post(`${follower.url}/login`)).headers['set-cookie']).toBeUndefined()
    })

    test('a leader that is deposed under the login leaves no cookie: there is that of the next one alone', async () => {
      const store = new SharedStore()
      const next = await start('next', behind, { store })
      const leader = await startInstanceOf(new RepeatingNode('leader'), express, (app, node) => {
        app.use(routeWrites(node.asNode), sessions({ store }))
        app.post('/login', (req, res, end) => {
          elect(4, next, leader)
          req.session.user = 'ada'
          node
            .write()
            .then(undefined, () => res.send('what nobody hears'))
            .catch(end)
        })
        app.use(clusterErrors(node.asNode))
      })
      elect(3, leader)
      const login = await post(`${leader.url}/login`)
      expect(login).toMatchObject({ status: 200, text: 'welcome' })
      expect(login.headers['set-cookie']).toHaveLength(1)
      expect(await get(next.url, cookieOf(login))).toMatchObject({ user: 'ada' })
    })
  })

  test('an Idempotency-Key belongs to whoever has the cookie, which is there before the session is', async () => {
    const store = new SharedStore()
    const identify = (req: Request) => /(?:^|; )connect\.sid=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
    const start = (id: string) =>
      startInstanceOf(new RepeatingNode(id), express, (app, node) => {
        app.use(routeWrites(node.asNode, { identify }), sessions({ store }))
        routes(app)
      })
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    const [ann, ben] = [
      cookieOf(await post(`${follower.url}/login`)),
      cookieOf(await post(`${leader.url}/login`)),
    ]
    leader.node.ran.length = 0
    for (const [cookie, { url }] of [
      [ann, follower],
      [ann, leader],
      [ben, follower],
    ] as const)
      await send(url, { method: 'POST', path: '/nothing', headers: { cookie, 'idempotency-key': 'k' } })
    const [first, again, other] = leader.node.ran.map(({ requestId }) => requestId)
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  test('a store that each instance has for itself: only the leader knows who logged in', async () => {
    const { leader, follower, other } = await group(behind)
    const cookie = cookieOf(await post(`${follower.url}/login`))
    expect(await seenBy([leader, follower, other], cookie)).toMatchObject([
      { user: 'ada' },
      { user: null },
      { user: null },
    ])
    elect(4, other, leader, follower)
    expect(await post(`${follower.url}/items`, cookie)).toMatchObject({ text: '1' }) // and nobody after a failover
    expect(await get(other.url, cookie)).toMatchObject({ user: null })
  })

  describe('before routeWrites, on both instances of a forwarded request', () => {
    test('it works, with twice the work, as long as the follower has nothing to say', async () => {
      const store = new SharedStore()
      const { follower, all } = await group(before, { store })
      const login = await post(`${follower.url}/login`)
      const cookie = cookieOf(login)
      expect(login.headers['set-cookie']).toHaveLength(1)
      for (const seen of await seenBy(all, cookie)) expect(seen).toMatchObject({ user: 'ada' })
      store.asked.length = 0
      await post(`${follower.url}/items`, cookie)
      expect(store.asked).toEqual(['get', 'get', 'set', 'touch'])
    })

    test('saveUninitialized: both make a session, and the client keeps the wrong one', async () => {
      const { follower, all } = await group(before, { store: new SharedStore(), saveUninitialized: true })
      const login = await post(`${follower.url}/login`)
      const [first = '', last] = login.headers['set-cookie']?.map((cookie) => cookie.split(';')[0]) ?? []
      expect(first).not.toBe(last)
      for (const seen of await seenBy(all, first)) expect(seen).toMatchObject({ user: 'ada' })
      for (const seen of await seenBy(all, cookieOf(login))) expect(seen).toMatchObject({ user: null })
    })

    test("resave: the follower writes its older copy over the leader's", async () => {
      const { leader, follower } = await group(before, { store: new SharedStore(), resave: true })
      const cookie = cookieOf(await post(`${leader.url}/login`))
      await post(`${follower.url}/items`, cookie)
      expect(await get(leader.url, cookie)).toEqual({ user: 'ada', items: 0 })
    })

    test('resave: a logout through a follower is undone', async () => {
      const { leader, follower } = await group(before, { store: new SharedStore(), resave: true })
      const cookie = cookieOf(await post(`${leader.url}/login`))
      expect(await post(`${follower.url}/logout`, cookie)).toMatchObject({ text: 'bye' })
      expect(await get(leader.url, cookie)).toMatchObject({ user: 'ada' })
    })

    test('rolling: each instance sets the cookie', async () => {
      const { leader, follower } = await group(before, { store: new SharedStore(), rolling: true })
      const cookie = cookieOf(await post(`${leader.url}/login`))
      expect((await post(`${follower.url}/nothing`, cookie)).headers['set-cookie']).toHaveLength(2)
    })
  })

  test('a cookie that a middleware before it sets at once gives way to those of the leader', async () => {
    const startSetting = (id: string, mount: (app: Express) => void) =>
      startInstance(express, id, (app, node) => {
        app.use((_req, res, next) => {
          res.cookie('early', id)
          next()
        })
        app.use(routeWrites(node.asNode))
        mount(app)
        app.use((_req, res) => void res.send('done'))
      })
    const follower = await startSetting('follower', () => {})
    const leader = await startSetting('leader', (app) =>
      app.post('/late', (_req, res) => void res.cookie('late', 'leader').send('done')),
    )
    elect(3, leader, follower)
    expect((await post(`${follower.url}/late`)).headers['set-cookie']).toEqual([
      'early=leader; Path=/',
      'late=leader; Path=/',
    ])
  })
})

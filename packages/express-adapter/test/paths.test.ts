import type { ErrorRequestHandler, Express, RequestHandler } from 'express'
import { routeWrites } from '../src/index.js'
import { sendRaw } from './support/http-client.js'
import { closeAll, elect, EXPRESS, type Instance, startInstanceOf } from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'

afterEach(closeAll)

/** Paths as they stand in a request's first line, which no client library would leave as they are. */
const PATHS = [
  '/api/items/7',
  '/api/items/7/',
  '/API/Items/7',
  '/api/items',
  '/api/items/',
  '/api',
  '/api/',
  '//api/items/7',
  '/api//items/7',
  '/api/items//7',
  '/api/items/a%2Fb',
  '/api/items/a%2fb%3Fc',
  '/api/items/%61',
  '/api/items/%C3%BC%20',
  '/api/items/%zz',
  '/api/items/../other',
  '/api/./items/7',
  '/api/items/7?a=1&a=2&b[c]=%20',
  '/api/items/7?',
  '/api/items/7?/../x?y#z',
  '/api/items/7#z',
  "/api/items/a;v=1,2'(b)!|[c]",
  '/api/items/caf\xe9',
  '/?a=1',
  '/',
  'http://other.example/api/items/7?a=1',
  'http://other.example//api/items/7',
  'http://other.example/api/items/../other/%7e',
  'http://other.example/',
]

describe.each(EXPRESS)('paths on %s', (_version, express) => {
  /** Says what a router made of the request. A whole URL goes on as path and query, so of that it does not say how it came. */
  const tell =
    (where: string): RequestHandler =>
    ({ url, originalUrl, baseUrl, path, params, query, headers }, res) => {
      const asItCame = headers['x-whole-url'] === undefined ? { url, originalUrl } : {}
      res.json({ where, baseUrl, path, params, query, ...asItCame })
    }

  const routes = (app: Express, strict: boolean) => {
    const api = express.Router({ strict, caseSensitive: strict, mergeParams: true })
    api.all('/items', tell('items')).all('/items/', tell('items/')).all('/items/:id', tell('item'))
    app.use('/api', api)
    const refuse: ErrorRequestHandler = (error: { status: number }, _req, res, _next) =>
      void res.sendStatus(error.status)
    app.use(tell('elsewhere'), refuse)
  }

  const mounts: [string, boolean, (app: Express, routing: RequestHandler) => void][] = [
    ['on the app', false, (app, routing) => void app.use(routing)],
    [
      'on the app, with strict routing',
      true,
      (app, routing) => void app.set('strict routing', true).use(routing),
    ],
    ['under a path', false, (app, routing) => void app.use(['/api', '//api', '/'], routing)],
    ['on a router', false, (app, routing) => void app.use('/', express.Router().use('/', routing))],
  ]

  const ask = async ({ port }: Instance, path: string) => {
    const mark = path.startsWith('/') ? '' : 'X-Whole-Url: yes\r\n'
    const received = await sendRaw(
      port,
      `POST ${path} HTTP/1.1\r\nHost: x\r\n${mark}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    )
    const [head = '', body] = received.split('\r\n\r\n')
    return { status: head.split('\r\n')[0], body }
  }

  test.each(mounts)(
    '%s: the leader sees each of them as if it had come to it',
    async (_where, strict, mount) => {
      const start = (id: string) =>
        startInstanceOf(new RepeatingNode(id), express, (app, node) => {
          mount(app, routeWrites(node.asNode))
          routes(app, strict)
        })
      const [leader, follower] = await Promise.all([start('leader'), start('follower')])
      elect(3, leader, follower)
      const names: string[] = []
      leader.server.prependListener('request', ({ headers }) => {
        const id = /;id=([^;]+)/.exec(String(headers['leasehold-forwarded']))?.[1]
        if (id !== undefined) names.push(id)
      })
      for (const path of PATHS) {
        leader.node.ran.length = 0
        names.length = 0
        expect({ path, ...(await ask(follower, path)) }).toEqual({ path, ...(await ask(leader, path)) })
        // It came under the follower's name for it: what is signed is what the leader sees.
        expect({ path, names }).toEqual({
          path,
          names: leader.node.ran.slice(0, 1).map((ran) => ran.requestId),
        })
      }
    },
  )

  test.each(['http://other.example', 'http://other.example?a=1', 'HTTPS://other.example'])(
    '%s means its root', // Express itself may take it for a path
    async (path) => {
      const start = (id: string) =>
        startInstanceOf(new RepeatingNode(id), express, (app, node) => {
          app.use(routeWrites(node.asNode))
          routes(app, false)
        })
      const [leader, follower] = await Promise.all([start('leader'), start('follower')])
      elect(3, leader, follower)
      const { status, body } = await ask(follower, path)
      expect(status).toBe('HTTP/1.1 200 OK')
      expect(body).toContain('"path":"/"')
      expect(leader.node.ran).toHaveLength(1)
    },
  )
})

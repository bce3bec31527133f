import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { routeWrites } from '../src/index.js'
import { open, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, type Instance, startInstance } from './support/instances.js'

afterEach(closeAll)

const WEBSOCKET = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}
const H2C = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' }

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'

/** As a WebSocket library would, but for its frames: says who it is, and sends back what it gets. */
function acceptWebSockets({ server, node }: Instance) {
  server.on('upgrade', (req: IncomingMessage, socket: Duplex) => {
    socket.write(`${SWITCHING}${node.id} ${req.method} ${req.url}\n`)
    socket.pipe(socket)
  })
}

/** Upgrades, says hello, and gives back what came, up to the echo. */
function upgrade(url: string, method = 'GET'): Promise<string> {
  const { req } = open(url, { method, headers: WEBSOCKET })
  return new Promise((resolve, reject) => {
    req.on('error', reject)
    req.on('response', ({ statusCode }) => reject(new Error(`answered ${statusCode}, not upgraded`)))
    req.on('upgrade', (_res, socket, first) => {
      let heard = first.toString()
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString()
        if (!heard.endsWith('hello')) return
        socket.destroy()
        resolve(heard)
      })
      socket.write('hello')
    })
    req.end()
  })
}

describe.each(EXPRESS)('upgrades on %s', (_version, express) => {
  const start = (id: string) =>
    startInstance(express, id, (app, node) => {
      app.use(routeWrites(node.asNode, { alwaysForward: ['/fresh'] }), express.text({ limit: '9mb' }))
      app.use((req, res) => {
        res.json({ ranOn: id, size: String(req.body).length, upgrade: req.headers.upgrade ?? null })
      })
    })

  const group = async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    return { leader, follower }
  }

  describe('with an upgrade listener', () => {
    test.each(['/chat', '/fresh/chat'])(
      'a WebSocket to %s stays on its instance, past the middlewares',
      async (path) => {
        const instances = await group()
        for (const instance of Object.values(instances)) {
          acceptWebSockets(instance)
          expect(await upgrade(instance.url + path)).toBe(`${instance.node.id} GET ${path}\nhello`)
        }
      },
    )

    test('so does every request that asks for an upgrade, a write too: the listener has to refuse it', async () => {
      const { follower } = await group()
      acceptWebSockets(follower)
      expect(await upgrade(follower.url, 'POST')).toBe('follower POST /\nhello')
    })

    test('other requests go their way, and a WebSocket that stays open stops none', async () => {
      const { follower } = await group()
      acceptWebSockets(follower)
      const { req } = open(follower.url, { headers: WEBSOCKET })
      const upgraded = new Promise<Duplex>((resolve) => req.on('upgrade', (_res, socket) => resolve(socket)))
      req.end()
      const socket = await upgraded
      expect((await send(follower.url, { method: 'POST' })).json).toMatchObject({ ranOn: 'leader' })
      expect((await send(follower.url)).json).toMatchObject({ ranOn: 'follower' })
      socket.destroy()
    })
  })

  test('whoever holds a WebSocket writes by a request to the own instance, wherever that is', async () => {
    const { leader, follower } = await group()
    for (const { server, url } of [leader, follower]) {
      server.on('upgrade', (_req, socket: Duplex) => {
        void send(url, { method: 'POST' }).then(({ json }) =>
          socket.end(`${SWITCHING}written by ${String(json.ranOn)}`),
        )
      })
      const { req } = open(url, { headers: WEBSOCKET })
      const heard = new Promise<string>((resolve) =>
        req.on('upgrade', (_res, socket, first) => {
          let text = first.toString()
          socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text))
          socket.on('end', () => socket.end())
        }),
      )
      req.end()
      expect(await heard).toBe('written by leader')
    }
  })

  describe('without one, a request that asks for an upgrade is a request like any other', () => {
    test.each([
      ['a WebSocket', WEBSOCKET],
      ['h2c', H2C],
    ])('a GET for %s is served here, a POST goes to the leader', async (_what, headers) => {
      const { follower } = await group()
      expect((await send(follower.url, { headers })).json).toMatchObject({ ranOn: 'follower' })
      for (const body of ['short', 'x'.repeat(2_000_000)]) {
        const { json } = await send(
          follower.url,
          {
            method: 'POST',
            headers: { ...headers, 'content-type': 'text/plain', 'content-length': body.length },
          },
          body,
        )
        expect(json).toMatchObject({ ranOn: 'leader', size: body.length, upgrade: null })
      }
      expect((await send(`${follower.url}/fresh`, { headers })).json).toMatchObject({
        ranOn: 'leader',
        upgrade: null,
      })
    })
  })
})

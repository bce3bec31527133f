import compression from 'compression'
import type { Express, Request, Response } from 'express'
import session from 'express-session'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { clusterErrors, routeWrites } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, EXPRESS, startInstanceOf } from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'

afterEach(closeAll)

/** A reply waits for writes that its handler did not await. Nothing that is said meanwhile may break it. */
describe.each(EXPRESS)('a reply that waits for its writes on %s', (_version, express) => {
  const start = async (mount: (app: Express) => void, reply: (req: Request, res: Response) => void) => {
    const leader = await startInstanceOf(new RepeatingNode('leader'), express, (app, node) => {
      node.answer = async (opId) => {
        await sleep(20)
        return opId
      }
      app.use(routeWrites(node.asNode))
      mount(app)
      app.use((req, res) => {
        void node.write()
        reply(req, res)
      })
      app.use(clusterErrors(node.asNode))
    })
    leader.node.lead(3)
    return leader
  }
  const post = (url: string, headers = {}) => send(url, { method: 'POST', headers })

  const inPieces = (_req: Request, res: Response) => {
    res.status(201).type('text')
    res.write('a'.repeat(3000))
    res.write('b'.repeat(3000))
    res.end('c')
  }
  const whole = `${'a'.repeat(3000)}${'b'.repeat(3000)}c`
  const sessions = session({ secret: 's', resave: false, saveUninitialized: true })

  test('said in pieces, it is whole', async () => {
    const { url } = await start(() => {}, inPieces)
    expect(await post(url)).toMatchObject({ status: 201, text: whole })
  })

  test.each<[string, (app: Express) => void]>([
    ['compression', (app) => app.use(compression({ threshold: 0 }))],
    ['compression and a session', (app) => app.use(compression({ threshold: 0 }), sessions)],
    ['a session and compression', (app) => app.use(sessions, compression({ threshold: 0 }))],
  ])(
    'also behind %s, which begins the head before each piece as long as none is sent',
    async (_what, mount) => {
      const { url } = await start(mount, inPieces)
      const { status, headers, body } = await post(url, { 'accept-encoding': 'gzip' })
      expect(status).toBe(201)
      expect(headers['content-encoding']).toBe('gzip')
      expect(gunzipSync(body).toString()).toBe(whole)
    },
  )

  test('its cookie is set once', async () => {
    const { url } = await start((app) => app.use(sessions), inPieces)
    const { headers, text } = await post(url)
    expect(text).toBe(whole)
    expect(headers['set-cookie']).toEqual([expect.stringMatching(/^connect\.sid=/)])
  })

  test.each<[string, (res: Response) => void]>([
    [
      'fails',
      () => {
        throw new Error('too late')
      },
    ],
    ['goes on to change it', (res) => void res.status(418).set('X-Late', 'yes').end('late')],
    ['writes on', (res) => void res.write('late')],
  ])('a handler that %s behind it changes nothing of it', async (_what, afterwards) => {
    const { url } = await start(
      () => {},
      (_req, res) => {
        res.status(201).set('X-Early', 'yes').json({ a: 1 })
        afterwards(res)
      },
    )
    const { status, headers, json } = await post(url)
    expect({ status, json }).toEqual({ status: 201, json: { a: 1 } })
    expect(headers['x-early']).toBe('yes')
    expect(headers).not.toHaveProperty('x-late')
  })

  test.each<[string, (res: Response) => void]>([
    ['a status that does not exist', (res) => void res.writeHead(99_999).end('x')],
    ['a body that is none', (res) => void res.write(1234)],
  ])('%s is a 500 and a warning, and the process goes on', async (_what, say) => {
    const { url } = await start(
      () => {},
      (_req, res) => say(res),
    )
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
    expect(await post(url)).toMatchObject({ status: 500, text: '' })
    expect(warned).toHaveBeenCalledWith(
      expect.objectContaining({ message: expect.stringMatching(/99999|1234/) }),
    )
    warned.mockRestore()
  })
})

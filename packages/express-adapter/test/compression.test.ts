import compression from 'compression'
import type { Request, RequestHandler, Response } from 'express'
import { gunzipSync } from 'node:zlib'
import { clusterErrors, routeWrites } from '../src/index.js'
import { open, type Reply, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstanceOf } from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'

afterEach(closeAll)

const gzip = { 'accept-encoding': 'gzip' }
const TEXT = 'The same again. '.repeat(200_000)

/** What the client sees, and how it came. */
function readOf({ status, headers, body }: Reply) {
  const encoding = headers['content-encoding']
  return { status, encoding, text: (encoding === 'gzip' ? gunzipSync(body) : body).toString() }
}

describe.each(EXPRESS)('compression on %s', (_version, express) => {
  type Order = (routing: RequestHandler, zip: RequestHandler) => RequestHandler[]
  const behind: Order = (routing, zip) => [routing, zip]
  const before: Order = (routing, zip) => [zip, routing]
  const without: Order = (routing) => [routing]

  type Handler = (req: Request, res: Response, node: RepeatingNode) => unknown
  const say: Handler = (req, res) => {
    if (req.path === '/short') return res.send('short')
    if (req.path === '/json') return res.json([TEXT])
    res.type('text')
    for (let at = 0; at < TEXT.length; at += 50_000) res.write(TEXT.slice(at, at + 50_000))
    return res.end()
  }
  const start = (id: string, order: Order, handler: Handler = say) =>
    startInstanceOf(new RepeatingNode(id), express, (app, node) => {
      app.use(...order(routeWrites(node.asNode, { hold: { ms: 50 } }), compression()))
      app.use((req, res, next) => void Promise.resolve(handler(req, res, node)).catch(next))
      app.use(clusterErrors(node.asNode))
    })

  const group = async (order: Order, handler?: Handler) => {
    const [leader, follower] = await Promise.all([
      start('leader', order, handler),
      start('follower', order, handler),
    ])
    elect(3, leader, follower)
    return { leader, follower }
  }

  describe.each([
    ['before', before],
    ['behind', behind],
  ])('%s routeWrites', (_where, order) => {
    test.each(['POST', 'GET'])(
      'a reply to a %s is compressed once, wherever it comes from',
      async (method) => {
        const instances = await group(order)
        for (const { url } of Object.values(instances)) {
          const pieces = await send(`${url}/pieces`, { method, headers: gzip })
          expect(readOf(pieces)).toEqual({ status: 200, encoding: 'gzip', text: TEXT })
          expect(pieces.headers.vary).toBe('Accept-Encoding')
          const whole = await send(`${url}/json`, { method, headers: gzip })
          expect(readOf(whole)).toEqual({ status: 200, encoding: 'gzip', text: JSON.stringify([TEXT]) })
        }
      },
    )

    test('a client that does not want it, and a reply too short for it, get none', async () => {
      const { follower } = await group(order)
      const plain = await send(`${follower.url}/json`, {
        method: 'POST',
        headers: { 'accept-encoding': 'identity' },
      })
      expect(readOf(plain)).toEqual({ status: 200, encoding: undefined, text: JSON.stringify([TEXT]) })
      const short = await send(`${follower.url}/short`, { method: 'POST', headers: gzip })
      expect(readOf(short)).toEqual({ status: 200, encoding: undefined, text: 'short' })
    })

    test('what is flushed arrives while the rest is still to come', async () => {
      const finish: (() => void)[] = []
      const { follower } = await group(order, (_req, res) => {
        res.type('text/event-stream').write('data: one\n\n')
        res.flush()
        finish.push(() => res.end('data: two\n\n'))
      })
      const { req, reply } = open(follower.url, { method: 'POST', headers: gzip })
      const begun = new Promise((resolve) => req.once('response', (res) => res.once('data', resolve)))
      req.end()
      await begun
      finish[0]?.()
      expect(readOf(await reply)).toMatchObject({ encoding: 'gzip', text: 'data: one\n\ndata: two\n\n' })
    })

    test('an error of ours can be read', async () => {
      const { follower } = await group(order)
      follower.node.follow(undefined)
      const { status, text } = readOf(await send(follower.url, { method: 'POST', headers: gzip }))
      expect([status, JSON.parse(text)]).toMatchObject([503, { error: { code: 'NO_LEADER' } }])
    })

    test("a leader that is deposed in the middle: the next one's reply is compressed once", async () => {
      const next = await start('next', order)
      const leader = await start('leader', order, async (_req, res, node) => {
        elect(4, next, leader)
        await node.write().catch(() => {})
        res.type('text').write('what nobody hears '.repeat(1000))
        res.end(TEXT)
      })
      elect(3, leader)
      const reply = await send(`${leader.url}/pieces`, { method: 'POST', headers: gzip })
      expect(readOf(reply)).toEqual({ status: 200, encoding: 'gzip', text: TEXT })
      expect(reply.headers['leasehold-served-by']).toBe('next')
    })
  })

  test('on the leader alone, it is compressed there', async () => {
    const [leader, follower] = await Promise.all([start('leader', before), start('follower', without)])
    elect(3, leader, follower)
    const reply = await send(`${follower.url}/pieces`, { method: 'POST', headers: gzip })
    expect(readOf(reply)).toEqual({ status: 200, encoding: 'gzip', text: TEXT })
  })

  test('on the follower alone, it is compressed there, and nothing piles up while it takes its time', async () => {
    let drains = 0
    const countDrains: RequestHandler = (_req, res, next) => {
      const on = res.on.bind(res) as (event: string, listener: () => void) => Response
      res.on = ((event: string, listener: () => void) => {
        if (event === 'drain') drains++
        return on(event, listener)
      }) as Response['on']
      next()
    }
    const counted: Order = (routing, zip) => [zip, countDrains, routing]
    const [leader, follower] = await Promise.all([start('leader', without), start('follower', counted)])
    elect(3, leader, follower)
    const reply = await send(`${follower.url}/pieces`, { method: 'POST', headers: gzip })
    expect(readOf(reply)).toEqual({ status: 200, encoding: 'gzip', text: TEXT })
    expect(drains).toBe(1)
  })
})

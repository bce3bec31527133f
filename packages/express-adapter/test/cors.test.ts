import cors from 'cors'
import type { RequestHandler } from 'express'
import { routeWrites, type RouteWritesOptions } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

const ORIGIN = 'https://shop.example'
const PREFLIGHT = {
  origin: ORIGIN,
  'access-control-request-method': 'PUT',
  'access-control-request-headers': 'content-type,idempotency-key',
}

describe.each(EXPRESS)('cors on %s', (_version, express) => {
  type Order = (routing: RequestHandler, cross: RequestHandler) => RequestHandler[]
  const before: Order = (routing, cross) => [cross, routing]
  const behind: Order = (routing, cross) => [routing, cross]

  const group = async (order: Order, options: RouteWritesOptions = {}) => {
    const start = (id: string) =>
      startInstance(express, id, (app, node) => {
        app.use(
          ...order(
            routeWrites(node.asNode, { hold: { ms: 50 }, ...options }),
            cors({ origin: [ORIGIN], credentials: true }),
          ),
        )
        app.use((_req, res) => void res.vary('Accept').send(id))
      })
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    return { leader, follower }
  }

  /** The values of a header as they came, each line for itself. */
  const lines = (raw: string[], name: string) =>
    raw.filter((_, i) => raw[i - 1]?.toLowerCase() === name && i % 2 === 1)

  describe.each([
    ['before', before],
    ['behind', behind],
  ])('%s routeWrites', (_where, order) => {
    test('a preflight is answered where it arrives', async () => {
      const { leader, follower } = await group(order)
      let asked = 0
      leader.server.on('request', () => asked++)
      const { status, headers } = await send(follower.url, { method: 'OPTIONS', headers: PREFLIGHT })
      expect(status).toBe(204)
      expect(headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': expect.stringContaining('PUT'),
        'access-control-allow-headers': 'content-type,idempotency-key',
      })
      expect(asked).toBe(0)
    })

    test.each(['PUT', 'GET'])('the reply to a %s says once who may read it', async (method) => {
      const instances = await group(order)
      for (const { url } of Object.values(instances)) {
        const { text, rawHeaders } = await send(url, { method, headers: { origin: ORIGIN } })
        expect(text).toBe(method === 'PUT' || url === instances.leader.url ? 'leader' : 'follower')
        expect(lines(rawHeaders, 'access-control-allow-origin')).toEqual([ORIGIN])
        expect(lines(rawHeaders, 'access-control-allow-credentials')).toEqual(['true'])
        expect(lines(rawHeaders, 'vary')).toEqual(['Origin, Accept'])
      }
    })

    test('another origin may not', async () => {
      const { follower } = await group(order)
      const { headers } = await send(follower.url, {
        method: 'PUT',
        headers: { origin: 'https://evil.example' },
      })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    })
  })

  test.each<[string, Order, string | undefined]>([
    ['before it a script can read', before, ORIGIN],
    ['behind it a script cannot read', behind, undefined],
  ])('%s what routeWrites answers itself', async (_where, order, allowed) => {
    const { follower } = await group(order)
    follower.node.follow(undefined)
    const { status, headers } = await send(follower.url, { method: 'PUT', headers: { origin: ORIGIN } })
    expect(status).toBe(503)
    expect(headers['access-control-allow-origin']).toBe(allowed)
  })

  test('a preflight for a path that always goes to the leader goes there too, unless it is answered before', async () => {
    for (const [order, by] of [
      [before, undefined],
      [behind, 'leader'],
    ] as const) {
      const { follower } = await group(order, { alwaysForward: ['/'] })
      const { status, headers } = await send(follower.url, { method: 'OPTIONS', headers: PREFLIGHT })
      expect(status).toBe(204)
      expect(headers['access-control-allow-origin']).toBe(ORIGIN)
      expect(headers['leasehold-served-by']).toBe(by)
    }
  })
})

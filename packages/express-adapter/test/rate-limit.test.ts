import type { RequestHandler } from 'express'
import { type Options, rateLimit } from 'express-rate-limit'
import { routeWrites } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

/** Where the instances talk to each other from. */
const INSTANCES = '127.0.0.1'
/** Addresses of two clients. */
const [ANN, BEN] = ['127.0.0.2', '127.0.0.3'] as const

describe.each(EXPRESS)('express-rate-limit on %s', (_version, express) => {
  type Order = (routing: RequestHandler, limiter: RequestHandler) => RequestHandler[]
  const before: Order = (routing, limiter) => [limiter, routing]
  const behind: Order = (routing, limiter) => [routing, limiter]

  const start = (id: string, order: Order, trust: string | false, limiter: RequestHandler) =>
    startInstance(express, id, (app, node) => {
      app.set('trust proxy', trust)
      app.use(...order(routeWrites(node.asNode), limiter))
      app.use((_req, res) => void res.send(id))
    })

  /** Each instance with a limiter of its own that lets two requests of a client pass, unless all share one. */
  const group = async (
    order: Order,
    trust: string | false,
    options: Partial<Options> = {},
    shared = false,
  ) => {
    const make = () => rateLimit({ limit: 2, validate: false, ...options })
    const one = make()
    const limiter = () => (shared ? one : make())
    const [leader, follower, other] = await Promise.all([
      start('leader', order, trust, limiter()),
      start('follower', order, trust, limiter()),
      start('other', order, trust, limiter()),
    ])
    elect(3, leader, follower, other)
    return { leader, follower, other }
  }

  const write = async (client: string, url: string, headers = {}) =>
    (await send(url, { method: 'POST', localAddress: client, headers })).status
  const read = async (client: string, url: string) => (await send(url, { localAddress: client })).status
  const writes = async (client: string, ...urls: string[]) => {
    const statuses = []
    for (const url of urls) statuses.push(await write(client, url))
    return statuses
  }

  describe('behind routeWrites, where the instances trust each other', () => {
    test('a write counts once, at the leader, whichever instance it reaches, for its client', async () => {
      const { leader, follower, other } = await group(behind, INSTANCES)
      expect(await writes(ANN, follower.url, other.url, leader.url, follower.url)).toEqual([
        200, 200, 429, 429,
      ])
      expect(await writes(BEN, follower.url, leader.url, other.url)).toEqual([200, 200, 429])
    })

    test('a client that claims another address is counted under its own', async () => {
      const { leader, follower } = await group(behind, INSTANCES)
      const claim = (url: string, i: number) => write(ANN, url, { 'x-forwarded-for': `203.0.113.${i}` })
      expect([
        await claim(follower.url, 1),
        await claim(leader.url, 2),
        await claim(follower.url, 3),
      ]).toEqual([200, 200, 429])
    })

    test("the client gets the leader's refusal, and is told when to come back", async () => {
      const { follower } = await group(behind, INSTANCES, { limit: 0, standardHeaders: 'draft-7' })
      const { status, headers, text } = await send(follower.url, { method: 'POST', localAddress: ANN })
      expect({ status, text }).toEqual({ status: 429, text: expect.stringContaining('Too many requests') })
      expect(headers).toMatchObject({
        'retry-after': expect.stringMatching(/^\d+$/),
        ratelimit: expect.stringMatching(/^limit=0, remaining=0, reset=\d+$/),
      })
      expect(headers['leasehold-served-by']).toBe('leader')
    })

    test('a read counts where it is served', async () => {
      const { leader, follower } = await group(behind, INSTANCES)
      for (const { url } of [leader, follower])
        expect([await read(ANN, url), await read(ANN, url), await read(ANN, url)]).toEqual([200, 200, 429])
    })

    test('with a store that all share a read counts on every instance', async () => {
      const { leader, follower, other } = await group(behind, INSTANCES, {}, true)
      expect([
        await read(ANN, leader.url),
        await write(ANN, follower.url),
        await read(ANN, other.url),
      ]).toEqual([200, 200, 429])
    })

    test('the next leader counts anew, unless they share a store', async () => {
      const own = await group(behind, INSTANCES)
      const shared = await group(behind, INSTANCES, {}, true)
      for (const [{ leader, follower, other }, expected] of [
        [own, 200],
        [shared, 429],
      ] as const) {
        expect(await writes(ANN, follower.url, follower.url)).toEqual([200, 200])
        elect(4, other, leader, follower)
        expect(await write(ANN, follower.url)).toBe(expected)
      }
    })
  })

  describe('before routeWrites', () => {
    test('where the leader trusts nobody, all clients of a follower are one to it, and it says that something is wrong', async () => {
      const errors: unknown[] = []
      const logger = { error: (error: unknown) => void errors.push(error), warn: () => {} }
      const { follower } = await group(before, false, { validate: true, logger })
      expect(await writes(ANN, follower.url, follower.url)).toEqual([200, 200])
      expect(await write(BEN, follower.url)).toBe(429)
      expect(errors).toMatchObject([{ code: 'ERR_ERL_UNEXPECTED_X_FORWARDED_FOR' }])
    })

    test('where the instances trust each other, each counts the client', async () => {
      const { leader, follower } = await group(before, INSTANCES)
      expect(await writes(ANN, follower.url, follower.url)).toEqual([200, 200])
      expect(await write(ANN, leader.url)).toBe(429)
      expect(await write(BEN, follower.url)).toBe(200)
    })

    test('with a store that all share a forwarded write counts twice', async () => {
      const { follower } = await group(before, INSTANCES, {}, true)
      expect(await writes(ANN, follower.url, follower.url)).toEqual([200, 429])
    })

    test('to skip what says that it was forwarded lets everybody pass who says so', async () => {
      const { follower } = await group(before, INSTANCES, {
        skip: (req) => req.get('Leasehold-Forwarded') !== undefined,
      })
      expect(await writes(ANN, follower.url, follower.url, follower.url)).toEqual([200, 200, 429])
      expect(await write(ANN, follower.url, { 'Leasehold-Forwarded': 'says the client' })).toBe(200)
    })

    test('to skip what comes from an instance counts each request once, where it arrives', async () => {
      const { leader, follower } = await group(before, INSTANCES, {
        skip: (req) => req.socket.remoteAddress === INSTANCES,
      })
      expect(await writes(ANN, follower.url, follower.url, follower.url)).toEqual([200, 200, 429])
      expect(await writes(ANN, leader.url, leader.url, leader.url)).toEqual([200, 200, 429])
    })
  })
})

import { BusyError } from '@leasehold/core'
import type { Request, Response } from 'express'
import { clusterErrors, routeWrites, type RouteWritesOptions } from '../src/index.js'
import { postJson, type Reply, send } from './support/http-client.js'
import {
  closeAll,
  cut,
  elect,
  EXPRESS,
  type ExpressFactory,
  type Instance,
  startInstanceOf,
} from './support/instances.js'
import { RepeatingNode } from './support/repeating-node.js'
import { until } from './support/until.js'

afterEach(closeAll)

type Handler = (req: Request, res: Response, node: RepeatingNode) => unknown

/** Writes once and says who did. */
const writeOnce: Handler = async (_req, res, node) => {
  const opId = await node.write()
  res.set('X-Handler', node.id).json({ by: node.id, opId })
}

describe.each(EXPRESS)('sending again on %s', (_version, express) => {
  const start = (id: string, options: RouteWritesOptions = {}, handler: Handler = writeOnce) =>
    startRepeating(express, id, options, handler)

  test('a leader that vanishes under the request: the next one answers, under the same name', async () => {
    const [next, follower] = await Promise.all([start('next'), start('follower')])
    const old = await start('old', {}, (req) => {
      elect(4, next, follower)
      cut(req.socket)
    })
    elect(3, old, follower)
    const reply = await postJson(follower.url, { a: 1 })
    expect(reply).toMatchObject({ status: 200, json: { by: 'next' } })
    expect(old.node.ran).toEqual(next.node.ran)
    expect(old.node.ran).toEqual([
      { requestId: expect.any(String), fingerprint: expect.any(String), since: 7 },
    ])
  })

  test('an instance that has not seen the log yet says so: its request may be any', async () => {
    const leader = await start('leader')
    leader.node.head = 0
    leader.node.lead(3)
    await postJson(leader.url, {})
    expect(leader.node.ran).toMatchObject([{ since: -1 }])
  })

  test('nobody leads any more: 504 with the name of the request once the hold time is over, not 503', async () => {
    const follower = await start('follower', { hold: { ms: 200 } })
    const old = await start('old', {}, (req) => {
      follower.node.follow(undefined)
      cut(req.socket)
    })
    elect(3, old, follower)
    expect(await postJson(follower.url, {})).toMatchObject({
      status: 504,
      json: { error: { code: 'OUTCOME_UNKNOWN', requestId: old.node.ran[0]?.requestId } },
    })
  })

  test.each<[string, RouteWritesOptions, number]>([
    ['resend is false', { resend: false }, 10],
    ['resend says so of this request', { resend: (req) => req.path !== '/' }, 10],
    ['the body was too long to be kept', { maxBufferBytes: 5 }, 10],
  ])('%s: 504 at once, and it goes to nobody else', async (_why, options, bytes) => {
    const [next, follower] = await Promise.all([start('next', options), start('follower', options)])
    const old = await start('old', options, (req) => {
      elect(4, next, follower)
      cut(req.socket)
    })
    elect(3, old, follower)
    expect(await send(follower.url, { method: 'POST' }, Buffer.alloc(bytes))).toMatchObject({ status: 504 })
    expect(next.node.ran).toEqual([])
  })

  test('a leader that stands still is not waited for when another one leads', async () => {
    const [next, follower] = await Promise.all([start('next'), start('follower')])
    const old = await start('old', {}, () => elect(4, next, follower)) // and never an answer
    elect(3, old, follower)
    expect(await postJson(follower.url, {})).toMatchObject({ status: 200, json: { by: 'next' } })
  })

  test('a leader that is deposed while a handler of its own request runs passes it on, and the handler is not heard', async () => {
    const next = await start('next')
    const leader = await start('leader', {}, async (_req, res, node) => {
      elect(4, next, leader)
      const failed = await node.write().catch((error: { code: string }) => error.code)
      res.status(418).set('X-Handler', 'leader').cookie('from', 'leader')
      res.write('what nobody ')
      setTimeout(() => res.end(`must hear: ${failed}`), 20)
    })
    elect(3, leader)
    const reply = await postJson(leader.url, { a: 1 })
    expect(reply).toMatchObject({ status: 200, json: { by: 'next' } })
    expect(reply.headers).toMatchObject({ 'x-handler': 'next', 'leasehold-served-by': 'next' })
    expect(reply.headers['set-cookie']).toBeUndefined()
    expect(leader.node.ran).toEqual(next.node.ran)
  })

  test('a leader that is deposed while a forwarded request runs gives it back, and the next one answers', async () => {
    const [next, follower] = await Promise.all([start('next'), start('follower')])
    const old = await start('old', {}, async (_req, res, node) => {
      elect(4, next, follower, old)
      await node.write().catch(() => {})
      res.send('what nobody must hear')
    })
    elect(3, old, follower)
    expect(await postJson(follower.url, {})).toMatchObject({ status: 200, json: { by: 'next' } })
    expect(old.node.ran).toEqual(next.node.ran)
  })

  test('a leader that leads again gets the request as another one would', async () => {
    let runs = 0
    const leader = await start('leader', {}, async (_req, res, node) => {
      if (++runs === 1) {
        node.follow(undefined)
        setTimeout(() => node.lead(5), 50)
      }
      res.json({ opId: await node.write(), runs })
    })
    elect(3, leader)
    expect(await postJson(leader.url, { a: 1 })).toMatchObject({ status: 200, json: { runs: 2 } })
    expect(leader.node.ran[0]).toEqual(leader.node.ran[1])
  })

  describe('a reply', () => {
    const alone = async (handler: Handler, options: RouteWritesOptions = {}) => {
      const leader = await start('leader', options, handler)
      leader.node.lead(3)
      return leader
    }

    test('leaves when the writes have committed for which nobody waits', async () => {
      let commit: () => void = () => {}
      const leader = await alone((_req, res, node) => {
        node.answer = () => new Promise((resolve) => (commit = () => resolve('op')))
        void node.write()
        res.json({ said: 'too early' })
      })
      let reply: Reply | undefined
      const asked = postJson(leader.url, {}).then((got) => (reply = got))
      await until('the handler ran', () => leader.node.ran.length > 0)
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(reply).toBeUndefined()
      commit()
      expect(await asked).toMatchObject({ status: 200, json: { said: 'too early' } })
    })

    test('is the error of a write that failed behind the handler’s back', async () => {
      const leader = await alone((_req, res, node) => {
        node.answer = () => new Promise((_resolve, reject) => setTimeout(() => reject(busy()), 20))
        void node.write()
        res.set('ETag', '"x"').json({ said: 'all is well' })
      })
      const reply = await postJson(leader.url, {})
      expect(reply).toMatchObject({ status: 503, json: { error: { code: 'BUSY' } } })
      expect(reply.headers).toMatchObject({ 'leasehold-served-by': 'leader' })
      expect(reply.headers.etag).toBeUndefined()
    })

    test('is the handler’s own where it has seen the failure', async () => {
      const leader = await alone(async (_req, res, node) => {
        node.answer = () => Promise.reject(busy())
        await node.write().catch(() => {})
        res.status(207).json({ said: 'partly' })
      })
      expect(await postJson(leader.url, {})).toMatchObject({ status: 207, json: { said: 'partly' } })
    })

    test('of a handler that throws reaches the error handlers', async () => {
      const leader = await alone(async (_req, _res, node) => {
        node.answer = () => Promise.reject(busy())
        await node.write()
      })
      expect(await postJson(leader.url, {})).toMatchObject({ status: 503, json: { error: { code: 'BUSY' } } })
    })

    test('streams as it comes', async () => {
      const leader = await alone(async (_req, res, node) => {
        await node.write()
        for (const part of ['a', 'b', 'c']) res.write(part)
        res.end('d')
      })
      expect(await postJson(leader.url, {})).toMatchObject({ status: 200, text: 'abcd' })
    })

    test('nobody answers for a handler that never does, once the client is gone', async () => {
      const leader = await alone(() => {})
      const request = postJson(leader.url, {}).catch(() => 'gone')
      await until('the handler ran', () => leader.node.ran.length > 0)
      leader.server.closeAllConnections()
      expect(await request).toBe('gone')
    })
  })

  describe('an Idempotency-Key', () => {
    const named = async (leader: Instance<RepeatingNode>, headers: Record<string, string>, body: unknown) => {
      await postJson(leader.url, body, headers)
      return leader.node.ran.at(-1)
    }

    test('names the request for good, for its caller, and its body is remembered', async () => {
      const leader = await start('leader')
      leader.node.lead(3)
      const key = { 'Idempotency-Key': 'k1', Authorization: 'a' }
      const first = await named(leader, key, { x: 1 })
      expect(first).toMatchObject({ since: -1 })
      expect(await named(leader, key, { x: 1 })).toEqual(first)
      expect(await named(leader, key, { x: 2 })).toEqual({
        ...first,
        fingerprint: expect.not.stringMatching(first?.fingerprint ?? ''),
      })
      for (const other of [
        { ...key, 'Idempotency-Key': 'k2' },
        { ...key, Authorization: 'b' },
      ])
        expect((await named(leader, other, { x: 1 }))?.requestId).not.toBe(first?.requestId)
    })

    test('is the same through a follower', async () => {
      const [leader, follower] = await Promise.all([start('leader'), start('follower')])
      elect(3, leader, follower)
      const key = { 'Idempotency-Key': 'k1' }
      const direct = await named(leader, key, { x: 1 })
      await postJson(follower.url, { x: 1 }, key)
      expect(leader.node.ran.at(-1)).toEqual(direct)
    })
  })
})

function startRepeating(
  express: ExpressFactory,
  id: string,
  options: RouteWritesOptions,
  handler: Handler,
): Promise<Instance<RepeatingNode>> {
  return startInstanceOf(new RepeatingNode(id), express, (app, node) => {
    app.use(routeWrites(node.asNode, options), express.json())
    app.use((req, res, next) => void Promise.resolve(handler(req, res, node)).catch(next))
    app.use(clusterErrors(node.asNode))
  })
}

function busy(): Error {
  return new BusyError(1, '1')
}

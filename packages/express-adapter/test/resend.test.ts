import type { RouteWritesOptions } from '../src/index.js'
import { postJson, send } from './support/http-client.js'
import { closeAll, cut, elect, EXPRESS, freePort } from './support/instances.js'
import { type Handler, startRepeating } from './support/repeating-instances.js'

afterEach(closeAll)

describe.each(EXPRESS)('sending again on %s', (_version, express) => {
  const start = (id: string, options?: RouteWritesOptions, handler?: Handler) =>
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
      { requestId: expect.any(String), fingerprint: expect.any(String), since: { term: 2, index: 7 } },
    ])
  })

  test('an instance that has not seen the log yet says so: its request may be any', async () => {
    const leader = await start('leader')
    leader.node.seenHead = undefined
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

  test('a leader that is deposed while a handler runs, and nobody leads in its place: 504 with the name of the request', async () => {
    const leader = await start('leader', { hold: { ms: 200 } }, async (_req, res, node) => {
      node.follow(undefined)
      await node.write().catch(() => {})
      res.status(418).send('what nobody must hear')
    })
    elect(3, leader)
    const reply = await postJson(leader.url, {})
    expect(reply).toMatchObject({
      status: 504,
      json: { error: { code: 'OUTCOME_UNKNOWN', requestId: leader.node.ran[0]?.requestId } },
    })
    expect(reply.headers).toMatchObject({ 'leasehold-served-by': 'leader' })
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

  test('a leader that leads again and cannot reach itself: 504 once the hold time is over, after a few tries', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    const leader = await start('leader', { hold: { ms: 500 } }, async (_req, res, node) => {
      node.follow(undefined)
      await node.write().catch(() => {})
      setTimeout(() => {
        node.url = nowhere
        node.lead(5)
      }, 50)
      res.send('what nobody must hear')
    })
    let calls = 0
    const metrics = { forwarded: () => calls++, resent() {}, held() {}, waits() {} }
    Object.assign(leader.node, { metrics })
    elect(3, leader)
    const reply = await postJson(leader.url, {})
    expect(reply).toMatchObject({ status: 504, json: { error: { code: 'OUTCOME_UNKNOWN' } } })
    expect(calls).toBeGreaterThan(0)
    expect(calls).toBeLessThan(20)
  })
})

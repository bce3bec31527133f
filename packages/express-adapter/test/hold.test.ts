import { routeWrites, type RouteWritesOptions } from '../src/index.js'
import { Hold } from '../../http/src/hold.js'
import { markGone, markShuttingDown } from '../../http/src/shutting-down.js'
import { open, postJson, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance } from './support/instances.js'
import { StandInNode } from './support/stand-in-node.js'
import { until } from './support/until.js'

afterEach(closeAll)

describe.each(EXPRESS)('holding writes on %s', (_version, express) => {
  const start = (id: string, options: RouteWritesOptions = {}) =>
    startInstance(express, id, (app, node) => {
      app.use(routeWrites(node.asNode, options), express.json())
      app.use((req, res) => void res.json({ ranOn: id, body: req.body as unknown }))
    })
  const waits = (node: StandInNode) => until('the request waits', () => node.listenerCount('elected') > 0)

  test('until a leader is known', async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    const replies = [1, 2, 3].map((n) => postJson(follower.url, { n }))
    await waits(follower.node)
    elect(2, leader, follower)
    expect((await Promise.all(replies)).map(({ json }) => json)).toEqual(
      [1, 2, 3].map((n) => ({ ranOn: 'leader', body: { n } })),
    )
  })

  test('until this instance leads', async () => {
    const follower = await start('follower')
    const reply = postJson(follower.url, { n: 1 })
    await waits(follower.node)
    follower.node.lead(2)
    expect((await reply).json).toEqual({ ranOn: 'follower', body: { n: 1 } })
  })

  test('at an instance that stops, until that knows who leads next', async () => {
    const [leader, stopping] = await Promise.all([start('leader'), start('stopping')])
    const reply = postJson(stopping.url, { n: 1 })
    await waits(stopping.node)
    markShuttingDown(stopping.node)
    stopping.node.role = 'stopped'
    stopping.node.emit('leaderChanged', { leader: undefined })
    expect(stopping.node.listenerCount('elected')).toBe(1)
    leader.node.lead(2)
    stopping.node.leader = leader.node.leader
    stopping.node.emit('leaderChanged', { leader: stopping.node.leader })
    expect((await reply).json).toEqual({ ranOn: 'leader', body: { n: 1 } })
  })

  test('and no longer, once it has stopped altogether', async () => {
    const stopping = await start('stopping')
    const reply = postJson(stopping.url, { n: 1 })
    await waits(stopping.node)
    stopping.node.role = 'stopped'
    markGone(stopping.node)
    expect(await reply).toMatchObject({ status: 503, json: { error: { code: 'NO_LEADER' } } })
  })

  test('while the leader has no url, and while this instance is a candidate', async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    follower.node.follow({ id: 'leader', term: 2, url: undefined })
    const reply = postJson(follower.url, { n: 1 })
    await waits(follower.node)
    follower.node.leader = { id: 'leader', term: 2, url: leader.url, publicUrl: undefined }
    follower.node.role = 'candidate'
    follower.node.emit('leaderChanged', { leader: follower.node.leader })
    expect(follower.node.listenerCount('elected')).toBe(1)
    leader.node.lead(2)
    follower.node.role = 'follower' // without an event: a candidate that gave up has none to emit
    expect((await reply).json).toEqual({ ranOn: 'leader', body: { n: 1 } })
  })

  test('reads do not wait', async () => {
    const follower = await start('follower')
    expect((await send(follower.url)).json).toMatchObject({ ranOn: 'follower' })
  })

  test('503 NO_LEADER with Retry-After when the time is up; the connection goes on', async () => {
    const { Agent } = await import('node:http')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const follower = await start('follower', { hold: { ms: 60 } })
    for (let i = 0; i < 2; i++) {
      const { req, reply } = open(follower.url, { method: 'POST', agent })
      req.end(Buffer.alloc(500_000))
      const { status, headers, json } = await reply
      expect(status).toBe(503)
      expect(headers).toMatchObject({ 'retry-after': '1', 'leasehold-served-by': 'follower' })
      expect(json).toMatchObject({ error: { code: 'NO_LEADER' } })
    }
    agent.destroy()
  })

  test('no more than maxRequests; one that leaves makes room', async () => {
    const [leader, follower] = await Promise.all([
      start('leader'),
      start('follower', { hold: { maxRequests: 2 } }),
    ])
    const first = open(follower.url, { method: 'POST' })
    first.req.end()
    await waits(follower.node)
    const second = postJson(follower.url, { n: 2 })
    let full = await postJson(follower.url, { n: 3 })
    while (full.status !== 503) full = await postJson(follower.url, { n: 3 })
    expect(full.json).toMatchObject({
      error: { code: 'NO_LEADER', message: expect.stringContaining('2 requests wait') },
    })

    const gone = new Promise((resolve) => first.req.once('close', resolve))
    first.req.destroy()
    await gone
    let third: ReturnType<typeof postJson> | undefined
    for (let status = 503; status === 503; ) {
      third = postJson(follower.url, { n: 4 })
      const outcome = await Promise.race([
        third,
        new Promise<undefined>((resolve) => void setTimeout(() => resolve(undefined), 100)),
      ])
      status = outcome?.status ?? 0
    }
    elect(2, leader, follower)
    expect((await second).json).toMatchObject({ ranOn: 'leader', body: { n: 2 } })
    expect((await third)?.json).toMatchObject({ ranOn: 'leader', body: { n: 4 } })
  })

  test('no more than maxBytes in memory', async () => {
    const follower = await start('follower', { hold: { ms: 300, maxBytes: 1000 } })
    const small = postJson(follower.url, { n: 1 })
    await waits(follower.node)
    const large = await postJson(follower.url, { text: 'x'.repeat(2000) })
    expect(large).toMatchObject({
      status: 503,
      json: { error: { message: expect.stringContaining('1 requests wait') } },
    })
    expect((await small).json).toMatchObject({ error: { message: expect.stringContaining('within 300 ms') } })
  })

  test('when all clients are gone nobody listens to the node any more', async () => {
    const follower = await start('follower')
    const requests = [1, 2, 3].map(() => open(follower.url, { method: 'POST' }).req)
    for (const req of requests) req.end()
    await waits(follower.node)
    for (const req of requests) req.destroy()
    await until('all have left', () => follower.node.eventNames().length === 0)
    expect(follower.node.eventNames()).toEqual([])
  })
})

describe('Hold', () => {
  const limits = { ms: 1000, maxRequests: 1000, maxBytes: 16 * 1024 * 1024 }
  const waiting = (found: () => 'here' | undefined, deadline = performance.now() + 1000) => ({
    bytes: 10,
    deadline,
    gone: new AbortController().signal,
    find: found,
    why: () => 'nobody came',
  })

  test('holds a thousand, and not one more', async () => {
    const node = new StandInNode('n')
    const hold = new Hold(node.asNode, limits)
    let elected = false
    const all = Array.from({ length: 1000 }, () => hold.wait(waiting(() => (elected ? 'here' : undefined))))
    expect(hold.size).toBe(1000)
    expect(node.listenerCount('elected')).toBe(1)
    await expect(hold.wait(waiting(() => undefined))).rejects.toMatchObject({ code: 'NO_LEADER' })
    elected = true
    node.emit('elected', { term: 1, recoverMs: 0 })
    expect(new Set(await Promise.all(all))).toEqual(new Set(['here']))
    expect(hold.size).toBe(0)
    expect(node.eventNames()).toEqual([])
  })

  test('sees a change that no event told of', async () => {
    const hold = new Hold(new StandInNode('n').asNode, limits)
    let looks = 0
    await expect(hold.wait(waiting(() => (++looks > 2 ? 'here' : undefined)))).resolves.toBe('here')
  })

  test('gives up at the deadline, and gives room back', async () => {
    const hold = new Hold(new StandInNode('n').asNode, { ...limits, maxRequests: 1, maxBytes: 10 })
    for (let i = 0; i < 2; i++) {
      const attempt = hold.wait(waiting(() => undefined, performance.now() + 10))
      await expect(attempt).rejects.toMatchObject({
        code: 'NO_LEADER',
        message: expect.stringContaining('nobody came'),
        retryable: true,
      })
    }
  })

  test('a client that is gone already takes no place', async () => {
    const hold = new Hold(new StandInNode('n').asNode, limits)
    await expect(hold.wait({ ...waiting(() => undefined), gone: AbortSignal.abort() })).rejects.toThrow(
      'went away',
    )
    expect(hold.size).toBe(0)
  })
})

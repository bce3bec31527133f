import { routeWrites } from '../src/index.js'
import { signForwarded } from '../../http/src/forwarded.js'
import { open, postJson, send } from './support/http-client.js'
import {
  closeAll,
  elect,
  EXPRESS,
  type ExpressFactory,
  type Instance,
  startInstance,
} from './support/instances.js'

afterEach(closeAll)

const named = (requestId: string) => ({ requestId, fingerprint: 'fp', since: { term: 2, index: 3 } })

describe.each(EXPRESS)('Leasehold-Forwarded on %s', (_version, express) => {
  const ran: string[] = []
  beforeEach(() => void (ran.length = 0))
  const start = (id: string, options = {}) => startCounting(express, id, ran, options)

  const signedBy = (instance: Instance, term: number, requestId = 'r-1') => ({
    'Leasehold-Forwarded': signForwarded(instance.node.asNode, 'POST', '/x', {
      term,
      from: 'f',
      identity: named(requestId),
    }),
  })

  test('the leader runs a request that is meant for its reign', async () => {
    const leader = await start('leader')
    leader.node.lead(5)
    leader.node.reignSince = 3 // it claimed twice, without a break
    for (const term of [3, 5]) {
      expect(await postJson(`${leader.url}/x`, {}, signedBy(leader, term))).toMatchObject({
        status: 200,
        text: 'leader',
      })
    }
  })

  test.each([
    ['an instance that follows', false, 5],
    ['a leader of another term', true, 4],
    ['a leader of an older term', true, 6],
  ])('%s answers 421 and runs nothing', async (_who, leads, term) => {
    const other = await start('other')
    const instance = await start('instance')
    other.node.lead(5)
    if (leads) instance.node.lead(5)
    else instance.node.follow({ id: 'other', term: 5, url: other.url })
    const { status, json, headers } = await postJson(`${instance.url}/x`, {}, signedBy(instance, term))
    expect(status).toBe(421)
    expect(json).toMatchObject({ error: { code: 'NOT_LEADER' } })
    expect(headers['leasehold-refused']).toBe('r-1')
    expect(ran).toEqual([])
  })

  test('also a signed read is for the leader only', async () => {
    const follower = await start('follower')
    const forwarded = signForwarded(follower.node.asNode, 'GET', '/x', {
      term: 5,
      from: 'f',
      identity: named('r'),
    })
    expect((await send(`${follower.url}/x`, { headers: { 'Leasehold-Forwarded': forwarded } })).status).toBe(
      421,
    )
  })

  test('a forged or foreign header is ignored, and the app does not see it', async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(5, leader, follower)
    const good = signedBy(follower, 5)['Leasehold-Forwarded']
    const forgeries = {
      garbage: 'let me in',
      unsigned: good.replace(/;sig=.*/, ''),
      'another term': good.replace('term=5', 'term=6'),
      'another path': signForwarded(follower.node.asNode, 'POST', '/y', {
        term: 5,
        from: 'f',
        identity: named('r'),
      }),
      'another method': signForwarded(follower.node.asNode, 'PUT', '/x', {
        term: 5,
        from: 'f',
        identity: named('r'),
      }),
      'a signature of nothing': good.replace(/;sig=.*/, ';sig='),
    }
    for (const header of Object.values(forgeries)) {
      for (const instance of [follower, leader]) {
        const reply = await postJson(`${instance.url}/x`, {}, { 'Leasehold-Forwarded': header })
        expect(reply).toMatchObject({ status: 200, text: 'leader' })
        expect(reply.headers['x-saw-forwarded']).toBe('undefined')
      }
    }
  })

  test('an instance without a secret yet believes nobody', async () => {
    const leader = await start('leader')
    const follower = await start('follower', { hold: { ms: 60 } })
    elect(5, leader)
    const header = signedBy(leader, 5)
    follower.node.secret = undefined
    expect((await postJson(`${follower.url}/x`, {}, header)).status).toBe(503)
  })

  test('a header of a later version is still one of ours: it is not forwarded again', async () => {
    const follower = await start('follower')
    const text = 'v=2;color=blue;id=r-9'
    const sig = follower.node.credentials.sign(`leasehold-forwarded\nPOST\n/x\n${text}`)
    const { status, headers } = await postJson(
      `${follower.url}/x`,
      {},
      { 'Leasehold-Forwarded': `${text};sig=${sig}` },
    )
    expect(status).toBe(421)
    expect(headers['leasehold-refused']).toBe('r-9')
  })

  test('after a 421 the request goes to the next leader, under the same id', async () => {
    const [old, next, follower] = await Promise.all([start('old'), start('next'), start('follower')])
    old.node.follow(undefined)
    next.node.lead(6)
    follower.node.follow({ id: 'old', term: 5, url: old.url })
    const asked: string[] = []
    for (const { server } of [old, next]) {
      server.prependListener('request', (req) => {
        asked.push(/;id=([^;]+)/.exec(String(req.headers['leasehold-forwarded']))?.[1] ?? '')
        follower.node.follow({ id: 'next', term: 6, url: next.url })
      })
    }
    const { status, text } = await postJson(`${follower.url}/x`, { a: 1 })
    expect({ status, text }).toEqual({ status: 200, text: 'next' })
    expect(asked).toHaveLength(2)
    expect(asked[0]).toBe(asked[1])
  })

  test('while the leader refuses and no other is known, it is asked again, with pauses', async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(5, leader, follower)
    leader.node.role = 'candidate'
    let asked = 0
    leader.server.prependListener('request', () => {
      if (++asked === 3) leader.node.role = 'leader'
    })
    expect(await postJson(`${follower.url}/x`, {})).toMatchObject({ status: 200, text: 'leader' })
    expect(asked).toBe(3)
  })

  test("a 421 of the app's own is the answer", async () => {
    const leader = await startInstance(express, 'leader', (app, node) => {
      app.use(routeWrites(node.asNode))
      app.use((_req, res) => void res.status(421).send('mine'))
    })
    const follower = await start('follower')
    elect(5, leader, follower)
    expect(await postJson(`${follower.url}/x`, {})).toMatchObject({ status: 421, text: 'mine' })
  })

  test.each([
    ['the same secret', 'a secret of the group'],
    ['different secrets', 'quite another secret'],
  ])(
    'two followers with %s that each take the other for the leader end in an answer',
    async (_case, secret) => {
      const [a, b] = await Promise.all([start('a', { hold: { ms: 300 } }), start('b', { hold: { ms: 300 } })])
      b.node.secret = secret
      a.node.follow({ id: 'b', term: 5, url: b.url })
      b.node.follow({ id: 'a', term: 5, url: a.url })
      let hops = 0
      for (const { server } of [a, b]) server.prependListener('request', () => hops++)
      const { status, json } = await postJson(`${a.url}/x`, {})
      expect(status).toBe(503)
      expect(json).toMatchObject({ error: { code: 'NO_LEADER' } })
      expect(hops).toBeLessThan(100)
      expect(ran).toEqual([])
    },
  )

  test('the connection of a refused request with a long body carries the next one', async () => {
    const follower = await start('follower')
    const { Agent } = await import('node:http')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const body = Buffer.alloc(300_000, 'x')
    for (let i = 0; i < 3; i++) {
      const { req, reply } = open(`${follower.url}/x`, {
        method: 'POST',
        agent,
        headers: signedBy(follower, 5),
      })
      req.end(body)
      expect((await reply).status).toBe(421)
    }
    agent.destroy()
  })
})

function startCounting(express: ExpressFactory, id: string, ran: string[], options: object) {
  return startInstance(express, id, (app, node) => {
    app.use(routeWrites(node.asNode, options))
    app.use((req, res) => {
      ran.push(id)
      res.set('X-Saw-Forwarded', String(req.headers['leasehold-forwarded'])).send(id)
    })
  })
}

import type { Express } from 'express'
import { clusterErrors, consistentReads, type ConsistentReadsOptions, routeWrites } from '../src/index.js'
import { type Reply, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, type Instance, startInstanceOf } from './support/instances.js'
import { ReplicaNode } from './support/replica-node.js'

afterEach(closeAll)

const cookieOf = ({ headers }: Reply) => headers['set-cookie']?.[0]

describe.each(EXPRESS)('consistentReads on %s', (_version, express) => {
  const start = (
    id: string,
    options: ConsistentReadsOptions = {},
    mount: (app: Express, node: ReplicaNode) => void = (app, node) =>
      void app.use((_req, res) => void res.json({ by: node.id })),
  ): Promise<Instance<ReplicaNode>> =>
    startInstanceOf(new ReplicaNode(id), express, (app, node) => {
      app.use(routeWrites(node.asNode, { hold: { ms: 300 } }))
      app.use(consistentReads(node.asNode, options))
      mount(app, node)
      app.use(clusterErrors(node.asNode))
    })
  const get = ({ url }: Instance, headers: Record<string, string> = {}, path = '/') =>
    send(url + path, { headers })

  test('a read waits for the position that its header or its cookie carries, whichever is later', async () => {
    const reader = await start('reader', { waitMs: 777 })
    await get(reader)
    expect(reader.node.asked).toEqual([])
    await get(reader, { 'Leasehold-Position': 'log.1.5', Cookie: 'a=b; leasehold-group=log.1.6' })
    await get(reader, { 'Leasehold-Position': 'log.1.7', Cookie: 'leasehold-group=log.1.6' })
    expect(reader.node.asked).toEqual(
      [6, 7].map((index) => ({
        consistency: 'session',
        timeoutMs: 777,
        position: { logId: 'log', term: 1, index },
      })),
    )
  })

  test.each(['nonsense', 'log.1', 'log.1.-5', 'log.1.1e3', 'log.x.1', '', '.1.1'])(
    'what no instance gave out (%p) is no position',
    async (text) => {
      const reader = await start('reader')
      expect(await get(reader, { 'Leasehold-Position': text })).toMatchObject({ status: 200 })
      expect(reader.node.asked).toEqual([])
    },
  )

  test('how fresh is decided for the app or for each request', async () => {
    const all = await start('all', { consistency: 'linearizable' })
    await get(all)
    expect(all.node.asked).toEqual([{ consistency: 'linearizable', timeoutMs: 1000 }])
    const each = await start('each', {
      consistency: ({ path }) => (path === '/now' ? 'linearizable' : 'local'),
    })
    await get(each, { 'Leasehold-Position': 'log.1.99' })
    expect(each.node.asked).toEqual([])
    await get(each, {}, '/now')
    expect(each.node.asked).toHaveLength(1)
  })

  describe('a replica that is not fresh enough in time', () => {
    const behind = async (options?: ConsistentReadsOptions) => {
      const [leader, follower] = await Promise.all([start('leader', options), start('follower', options)])
      leader.node.apply(20)
      follower.node.reachable = false
      elect(3, leader, follower)
      return { leader, follower }
    }
    const SEEN = { 'Leasehold-Position': 'log.1.15' }

    test('has the leader answer, whose position and cookie are the reply’s', async () => {
      const { follower } = await behind()
      const reply = await get(follower, SEEN, '/some/path?q=1')
      expect(reply).toMatchObject({ status: 200, json: { by: 'leader' } })
      expect(reply.headers).toMatchObject({
        'leasehold-served-by': 'leader',
        'leasehold-position': 'log.1.20',
        'set-cookie': [expect.stringMatching(/^leasehold-group=log\.1\.20;/)],
      })
    })

    test('also for a linearizable read', async () => {
      const { follower } = await behind({ consistency: 'linearizable' })
      expect(await get(follower)).toMatchObject({ status: 200, json: { by: 'leader' } })
    })

    test('waits for the next leader', async () => {
      const { leader, follower } = await behind()
      follower.node.follow({ id: 'gone', term: 2, url: 'http://127.0.0.1:1' })
      const asked = get(follower, SEEN)
      setTimeout(() => elect(3, leader, follower), 50)
      expect(await asked).toMatchObject({ status: 200, json: { by: 'leader' } })
    })

    test('answers itself where it came to lead', async () => {
      const { follower } = await behind()
      follower.node.follow({ id: 'gone', term: 2, url: 'http://127.0.0.1:1' })
      const asked = get(follower, SEEN)
      setTimeout(() => {
        follower.node.apply(20)
        elect(4, follower)
      }, 50)
      expect(await asked).toMatchObject({ status: 200, json: { by: 'follower' } })
    })

    const LAGGING = { status: 504, json: { error: { code: 'LAGGING' } } }

    test('and nobody leads: 504', async () => {
      const { follower } = await behind()
      follower.node.follow(undefined)
      expect(await get(follower, SEEN)).toMatchObject(LAGGING)
    })

    test('and the leader cannot be reached: 504', async () => {
      const { follower } = await behind()
      follower.node.follow({ id: 'gone', term: 2, url: 'http://127.0.0.1:1' })
      expect(await get(follower, SEEN)).toMatchObject(LAGGING)
    })

    test('and the leader is no fresher: 504, and it asks nobody else', async () => {
      const { leader, follower } = await behind()
      Object.assign(leader.node, { reachable: false })
      leader.node.apply(14)
      expect(await get(follower, SEEN)).toMatchObject(LAGGING)
      expect(leader.node.asked).toHaveLength(1)
      expect(await get(leader, SEEN)).toMatchObject(LAGGING)
    })

    test('without routeWrites: 504', async () => {
      const lonely = await startInstanceOf(new ReplicaNode('lonely'), express, (app, node) => {
        app.use(consistentReads(node.asNode))
      })
      lonely.node.reachable = false
      lonely.node.follow({ id: 'leader', url: lonely.url })
      expect(await get(lonely, SEEN)).toMatchObject(LAGGING)
    })
  })

  describe('the cookie', () => {
    test('says where the replica stands when the reply leaves, to this site alone', async () => {
      const reader = await start('reader', {}, (app, node) => {
        app.use((_req, res) => {
          node.apply(12)
          res.json({})
        })
      })
      expect(cookieOf(await get(reader))).toBe('leasehold-group=log.1.12; Path=/; HttpOnly; SameSite=Lax')
    })

    test('is Secure where the client came over TLS', async () => {
      const reader = await start('reader', {}, (app) => {
        app.set('trust proxy', 'loopback')
        app.use((_req, res) => void res.json({}))
      })
      expect(cookieOf(await get(reader, { 'X-Forwarded-Proto': 'https' }))).toMatch(/; Secure$/)
    })

    test.each([
      ['public, max-age=60', false],
      ['max-age=60', false],
      ['s-maxage=5', false],
      ['no-cache, max-age=60', false], // it may be stored, and be served again with its headers
      ['no-cache', true],
      ['private, max-age=60', true],
      ['no-store', true],
      ['max-age=0', true],
    ])('with Cache-Control: %s is set: %p', async (control, isSet) => {
      const reader = await start('reader', {}, (app) => {
        app.use((_req, res) => void res.set('Cache-Control', control).json({}))
      })
      expect(cookieOf(await get(reader)) !== undefined).toBe(isSet)
    })

    test('has another name, or is not set, where the app says so', async () => {
      expect(cookieOf(await get(await start('named', { cookie: 'seen' })))).toMatch(/^seen=/)
      expect(cookieOf(await get(await start('none', { cookie: false })))).toBeUndefined()
    })

    test('covers a write that was forwarded', async () => {
      const mount = (app: Express, node: ReplicaNode) =>
        void app.use(async (_req, res) => {
          await node.write()
          node.apply(node.position.index + 1)
          res.json({})
        })
      const [leader, follower] = await Promise.all([start('leader', {}, mount), start('follower', {}, mount)])
      elect(3, leader, follower)
      const { url } = follower
      expect(cookieOf(await send(url, { method: 'POST' }))).toMatch(/^leasehold-group=log\.1\.8;/)
    })

    test('goes back neither by a local read of a replica that is behind, nor to another log', async () => {
      const reader = await start('reader', { consistency: 'local' })
      for (const seen of ['log.1.15', 'other.1.3', 'log.2.5'])
        expect(cookieOf(await get(reader, { Cookie: `leasehold-group=${seen}` }))).toBeUndefined()
      expect(cookieOf(await get(reader, { Cookie: 'leasehold-group=log.1.3' }))).toMatch(/=log\.1\.7;/)
    })

    test('is taken back with 409 when its position is lost, and the next read begins anew', async () => {
      const reader = await start('reader')
      const lost = await get(reader, { Cookie: 'leasehold-group=other.1.3' })
      expect(lost).toMatchObject({ status: 409, json: { error: { code: 'LINEAGE_LOST' } } })
      expect(cookieOf(lost)).toBe('leasehold-group=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0')
      expect(cookieOf(await get(reader))).toMatch(/=log\.1\.7;/)
    })

    test('stays when it was the header’s position that is lost', async () => {
      const reader = await start('reader')
      const headers = { Cookie: 'leasehold-group=log.1.3', 'Leasehold-Position': 'other.1.3' }
      const reply = await get(reader, headers)
      expect(reply.status).toBe(409)
      expect(cookieOf(reply)).toBeUndefined()
    })
  })

  test('scripts of another origin may read the headers if they may read the reply', async () => {
    const reader = await start('reader', {}, (app) => {
      app.use('/open', (_req, res, next) => {
        res.set({
          'Access-Control-Allow-Origin': '*',
          'Access-Control-Expose-Headers': 'X-Mine, leasehold-leader',
        })
        next()
      })
      app.use((_req, res) => void res.json({}))
    })
    const exposed = async (path: string) =>
      (await get(reader, {}, path)).headers['access-control-expose-headers']
    expect(await exposed('/open')).toBe(
      'X-Mine, leasehold-leader, Leasehold-Position, Leasehold-Served-By, Leasehold-Stale',
    )
    expect(await exposed('/closed')).toBeUndefined()
  })
})

test('options are checked at once', () => {
  const node = new ReplicaNode('me').asNode
  const wrong = { consistency: 'exact' as never, waitMs: 0, cookie: 'a b' }
  expect(() => consistentReads(node, wrong)).toThrow(
    /consistency is exact(.|\n)*waitMs is 0(.|\n)*cookie is a b/,
  )
})

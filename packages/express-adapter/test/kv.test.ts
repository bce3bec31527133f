import { eventually } from '../../../test/support/deadline.js'
import { type InstanceGroup, type Instance, startGroup } from '../../../test/support/instances.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'

/** The example as users run it: three processes, a Redis, HTTP. It needs a build. */
describe('examples/kv', () => {
  let redis: RedisServer
  let group: InstanceGroup

  beforeAll(async () => {
    redis = await startRedis()
    group = await startGroup({ redis })
  })
  afterAll(stopAll)

  /** The value on an instance, once it has applied the entry at `index`. */
  const applied = (instance: Instance, key: string, index: number) =>
    eventually(async () => {
      const reply = await instance.get(key)
      return reply.body.index >= index && reply
    })

  test('a write through any instance is applied on all, and its reply covers it', async () => {
    for (const [n, writer] of group.instances.entries()) {
      const written = await writer.put('shared', n)
      const { index, term } = written.body
      expect(written.status).toBe(200)
      expect(written.headers.get('leasehold-position')).toMatch(new RegExp(`^[\\w-]+\\.${term}\\.${index}$`))
      for (const reader of group.instances) {
        const { status, body } = await applied(reader, 'shared', index)
        expect({ status, value: body.value }).toEqual({ status: 200, value: n })
      }
    }
  })

  test.each(['__proto__', 'constructor', 'toString', 'a/b?c=d#e', 'ü€ %', ' ', '='])(
    '%p is a key like any other',
    async (key) => {
      const [one, other] = group.instances as [Instance, Instance, Instance]
      expect((await one.get(key)).body).toMatchObject({ value: null })
      expect((await one.list(key)).body.items).toEqual([])
      const { body } = await one.put(key, { key })
      expect((await applied(other, key, body.index)).body.value).toEqual({ key })
      expect((await one.push(key, 'first')).body.position).toBe(1)
      expect((await one.push(key, 'second')).body.position).toBe(2)
    },
  )

  test.each([null, false, 0, '', [], {}, { a: [1, { b: null }] }, 'text', JSON.parse('{"__proto__":1}')])(
    '%j is a value like any other',
    async (value) => {
      const [one, other] = group.instances as [Instance, Instance, Instance]
      const { body } = await one.put('value', value)
      expect(await applied(other, 'value', body.index)).toMatchObject({ status: 200, body: { value } })
    },
  )

  test('what is absent is 404 with the index at which it was', async () => {
    const [one] = group.instances as [Instance]
    const { status, body } = await one.get('absent')
    expect(status).toBe(404)
    expect(body).toEqual({ value: null, index: expect.any(Number) })
  })

  test('compare-and-set compares values, not bytes', async () => {
    const [one, other] = group.instances as [Instance, Instance, Instance]
    expect(await one.cas('cas', null, { a: 1, b: [{ c: 2 }] })).toMatchObject({ status: 200 })
    expect(await other.cas('cas', { b: [{ c: 2 }], a: 1 }, 'two')).toMatchObject({
      status: 200,
      body: { index: expect.any(Number), term: expect.any(Number) },
    })
    const refused = await one.cas('cas', 'three', 'four')
    expect(refused.status).toBe(409)
    expect(refused.body).toEqual({ value: 'two' })
    expect(await one.cas('cas', null, 'five')).toMatchObject({ status: 409, body: { value: 'two' } })
  })

  test('of many that compare at once one wins', async () => {
    const tries = Array.from({ length: 10 }, (_, i) => i)
    const replies = await Promise.all(
      group.instances.flatMap((instance) => tries.map((value) => instance.cas('race', null, value))),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(29)
  })

  test('of many at once through a follower all are answered, and Node finds nothing to warn of', async () => {
    const [follower] = (await group.followers()) as [Instance, Instance]
    const values = Array.from({ length: 100 }, (_, i) => i)
    const replies = await Promise.all(values.map((value) => follower.put('many', value)))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    expect(follower.stderr()).toBe('')
  })

  test('requests that make no sense are refused, and nothing is appended', async () => {
    const [one] = group.instances as [Instance]
    const before = (await one.status()).group.head
    const bad: [string, string, unknown][] = [
      ['PUT', '/kv/x', {}],
      ['PUT', '/kv/x', [1]],
      ['PUT', '/kv/x', undefined],
      ['POST', '/kv/x/cas', { value: 1 }],
      ['POST', '/kv/x/cas', { expect: 1 }],
      ['POST', '/list/x', { item: 7 }],
      ['PUT', '/kv/%E0%A4%A', { value: 1 }],
    ]
    for (const [method, path, body] of bad) {
      expect(await one.request(method, path, { body })).toMatchObject({
        status: 400,
        body: { error: { code: 'BAD_REQUEST' } },
      })
    }
    const large = await one.put('x', 'x'.repeat(200_000))
    expect(large).toMatchObject({ status: 413, body: { error: { code: 'BAD_REQUEST' } } })
    expect(await one.request('GET', '/kv/x?consistency=eventual')).toMatchObject({ status: 400 })
    expect((await one.status()).group.head).toBe(before)
  })

  test('reads are as fresh as they ask for, on every instance', async () => {
    const [one, ...others] = group.instances as [Instance, ...Instance[]]
    for (let i = 0; i < 20; i++) {
      const { headers } = await one.put('fresh', i)
      const position = headers.get('leasehold-position') ?? ''
      for (const other of others) {
        expect(await other.get('fresh', { consistency: 'linearizable' })).toMatchObject({
          body: { value: i },
        })
        const session = await other.request('GET', '/kv/fresh', {
          headers: { 'Leasehold-Position': position },
        })
        expect(session).toMatchObject({ status: 200, body: { value: i } })
      }
    }
    expect((await one.get('fresh', { consistency: 'local' })).status).toBe(200)
    expect((await one.request('GET', '/kv/fresh?consistency=odd')).status).toBe(400)
  })

  test('the health of each instance is its own', async () => {
    const leader = await group.leader()
    for (const instance of group.instances) {
      const status = async (path: string) => (await instance.request('GET', `/cluster${path}`)).status
      expect(await status('/livez')).toBe(200)
      expect(await status('/readyz?maxLag=10&maxLagMs=5000')).toBe(200)
      expect(await status('/leader')).toBe(instance === leader ? 200 : 503)
      expect(await status('/replica')).toBe(instance === leader ? 503 : 200)
      expect(await instance.request('POST', '/cluster/pause')).toMatchObject({ status: 403 })
    }
    const { instance, group: seen, ...times } = await leader.status()
    expect(instance).toMatchObject({ role: 'leader', stale: false })
    expect(new Set(seen.members.map(({ url }) => url))).toEqual(new Set(group.urls()))
    expect(Object.keys(times).toSorted()).toEqual([
      'copyMs',
      'inconsistency',
      'recoverMs',
      'requestMs',
      'totalMs',
    ])
  })

  test('a client of another instance does not notice that the leader stops', async () => {
    const leader = await group.leader()
    const others = group.instances.filter((instance) => instance !== leader)
    const items: string[] = []
    const end = { stopped: false }
    const clients = others.map(async (instance, client) => {
      for (let i = 0; !end.stopped || i < 20; i++) {
        const reply = await instance.push('through a stop', `${client}-${i}`)
        expect(reply).toMatchObject({ status: 200 })
        items.push(`${client}-${i}`)
      }
    })
    await eventually(() => items.length > 20)
    const exit = leader.terminate().finally(() => (end.stopped = true))
    expect(await exit).toMatchObject({ code: 0 })
    await Promise.all(clients)
    const [one] = others as [Instance]
    const stored = await eventually(async () => {
      const { body } = await one.list('through a stop')
      return body.items.length >= items.length && body.items
    })
    expect(stored.toSorted()).toEqual(items.toSorted())
  })

  test('a write that arrives after the leader was killed waits for the next one', async () => {
    await group.add()
    const leader = await group.leader()
    await leader.push('through a kill', 'before')
    await leader.kill9()
    const [one] = group.instances as [Instance]
    const { status, body } = await one.push('through a kill', 'after')
    expect({ status, position: body.position }).toEqual({ status: 200, position: 2 })
  })

  test('SIGTERM ends each with exit code 0, the last one too', async () => {
    for (const instance of group.instances) expect(await instance.terminate()).toMatchObject({ code: 0 })
  })
})

import { join } from 'node:path'
import { eventually } from './deadline.js'
import { freePort } from './free-port.js'
import { startGroup, startInstance, stopAllInstances } from './instances.js'
import { expectNoOpenHandles, handleSnapshot } from './open-handles.js'

const script = join(__dirname, 'stub-instance.mjs')
/** The stub needs no Redis. */
const redis = { url: 'redis://127.0.0.1:1' }

afterEach(stopAllInstances)

it('starts an instance and speaks the HTTP API of the example', async () => {
  const instance = await startInstance({ script, env: { GROUP: 'g' } })
  expect(instance.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(instance.stderr()).toBe('started\n')
  expect((await instance.status()).instance).toEqual({ id: 'g', role: 'follower' })

  expect(await instance.put('a/b', { n: 1 })).toMatchObject({ status: 200, body: { index: 1, term: 1 } })
  expect(await instance.get('a/b', { consistency: 'linearizable' })).toMatchObject({
    status: 200,
    body: { value: { n: 1 }, index: 1, query: '?consistency=linearizable' },
  })
  expect(await instance.get('none')).toMatchObject({ status: 404, body: { value: null } })
  expect(await instance.cas('c', null, 1)).toMatchObject({ status: 200, body: { index: 2 } })
  expect(await instance.cas('c', null, 2)).toMatchObject({ status: 409, body: { value: 1 } })
  expect(await instance.push('l', 'x')).toMatchObject({ status: 200, body: { position: 1, index: 3 } })
  expect(await instance.list('l')).toMatchObject({ status: 200, body: { items: ['x'], index: 3 } })

  const echoed = await instance.get('c', { headers: { 'x-echo': 'said' } })
  expect(echoed.headers.get('x-echo')).toBe('said')
  const failed = await instance.request('GET', '/fail')
  expect(failed).toMatchObject({ status: 503, body: { error: { code: 'NO_LEADER' } } })
})

it('says what an instance wrote that does not start', async () => {
  await expect(startInstance({ script, env: { STUB_FAILS: '1' } })).rejects.toThrow('the stub fails')
})

it('kills, stops and pauses', async () => {
  const [killed, stopped, paused] = await Promise.all([1, 2, 3].map(() => startInstance({ script, env: {} })))
  if (!killed || !stopped || !paused) throw new Error('three were asked for')
  expect(await killed.kill9()).toEqual({ code: null, signal: 'SIGKILL' })
  expect(killed.running).toBe(false)
  await expect(killed.list('l')).rejects.toThrow('fetch failed')
  expect(await stopped.terminate()).toEqual({ code: 0, signal: null })

  await paused.pause()
  await expect(paused.push('l', 'late', { timeoutMs: 50 })).rejects.toThrow('timeout')
  paused.resume()
  expect(await eventually(async () => (await paused.list('l')).body.items[0])).toBe('late')
})

it('knows the leader of a group, and the next one', async () => {
  const env = { STUB_LEASE_PORT: String(await freePort()) }
  const group = await startGroup({ redis, script, env })
  expect(group.instances).toHaveLength(3)
  const leader = await group.leader()
  const followers = await group.followers()
  expect(followers).toHaveLength(2)
  expect(followers).not.toContain(leader)
  expect((await leader.status()).instance.id).toBe(group.name)

  await leader.kill9()
  const next = await group.leader()
  expect(followers).toContain(next)
  expect(group.urls()).toEqual(group.instances.map(({ url }) => url))
  expect(group.urls()).not.toContain(leader.url)

  const added = await group.add()
  expect(await group.followers()).toContain(added)
  await group.stopAll()
  expect(group.instances).toEqual([])
  await expect(group.leader({ timeoutMs: 50 })).rejects.toThrow(`one leader of ${group.name}`)
})

it('takes nobody for the leader while two say that they lead', async () => {
  const group = await startGroup({
    redis,
    script,
    instances: 1,
    env: { STUB_LEASE_PORT: String(await freePort()) },
  })
  await group.leader()
  await group.add({ STUB_LEASE_PORT: String(await freePort()) })
  await expect(group.leader({ timeoutMs: 200 })).rejects.toThrow('last value: false')
})

it('leaves nothing running, not even what is paused', async () => {
  const before = handleSnapshot()
  const group = await startGroup({ redis, script, instances: 2 })
  await Promise.all(group.instances.map((instance) => instance.list('l')))
  await group.instances[0]?.pause()
  await stopAllInstances()
  expect(group.instances).toEqual([])
  await expectNoOpenHandles(before)
})

import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { own } from '../support/owned-process.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

const DIST = join(__dirname, '../../examples/live-cache/dist')
const LAMP = { name: 'Lamp', cents: 2500, tags: ['light'] }

let redis: RedisServer
let group: InstanceGroup

beforeAll(async () => {
  redis = await startRedis()
  group = await startGroup({ redis, script: join(DIST, 'server.js'), ttlMs: 1000 })
})
afterAll(stopAll)

const get = (instance: Instance, id: string) => instance.request('GET', `/products/${id}`)

/** Calls of commands that read what is stored, those of scripts included. */
async function reads(): Promise<number> {
  const stats = String(await redis.command('INFO', 'commandstats'))
  const calls = [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)]
  const counted = calls.filter(([, name = '']) => ['get', 'mget', 'hget', 'hmget', 'xrange'].includes(name))
  return counted.reduce((sum, [, , count]) => sum + Number(count), 0)
}

it('what was changed at one instance is there at all others, and nobody had to invalidate it', async () => {
  const [first, ...others] = group.instances as [Instance, Instance, Instance]
  for (const cents of [2500, 2600, 2700]) {
    const { status } = await first.request('PUT', '/products/lamp', { body: { ...LAMP, cents } })
    expect(status).toBe(200)
    for (const other of others)
      await eventually(async () => (await get(other, 'lamp')).body, { message: 'the product' })
    await eventually(async () => {
      const all = await Promise.all(others.map((other) => get(other, 'lamp')))
      return all.every(({ body }) => (body as typeof LAMP).cents === cents)
    })
  }
  expect((await get(first, 'chair')).status).toBe(404)
  expect((await first.request('PUT', '/products/chair', { body: { name: 'Chair' } })).status).toBe(400)
})

it('a read asks Redis for nothing', async () => {
  const { instances } = group
  const [first] = instances as [Instance]
  await first.request('PUT', '/products/lamp', { body: LAMP })
  await eventually(async () =>
    (await Promise.all(instances.map((one) => get(one, 'lamp')))).every(({ status }) => status === 200),
  )
  const before = await reads()
  const begunMs = performance.now()
  for (let i = 0; i < 200; i++)
    for (const instance of instances) expect((await get(instance, 'lamp')).body).toEqual(LAMP)
  // Heartbeats look at the log about once a second; each look is a few commands.
  const heartbeats = (Math.ceil((performance.now() - begunMs) / 1000) + 1) * instances.length
  expect((await reads()) - before).toBeLessThan(Math.min(600, heartbeats * 15))
})

it('reads go on while Redis stands still', async () => {
  const [first] = group.instances as [Instance]
  await redis.pause()
  const { status, body } = await get(first, 'lamp')
  redis.resume()
  expect({ status, body }).toEqual({ status: 200, body: LAMP })
})

it('the comparison says how many times as long a GET takes, and leaves nothing behind', async () => {
  const env = { REDIS_URL: redis.url, PRODUCTS: '200', ROUNDS: '3' }
  const comparison = await own(process.execPath, [join(DIST, 'compare.js')], { env })
  const exit = await comparison.exited
  await comparison.closed
  expect({ ...exit, stderr: comparison.stderr() }).toEqual({ code: 0, signal: null, stderr: '' })
  expect(comparison.stdout()).toMatch(/local replica +[\d.]+\n.*GET, one by one +[\d.]+ +\d+ times as long/)
  // Of its own: keys of the group that runs here come and go.
  expect(await redis.command('KEYS', '*compare-*')).toEqual([])
})

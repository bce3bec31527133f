import { eventually } from '../../../test/support/deadline.js'
import { freePort } from '../../../test/support/free-port.js'
import { expectNoOpenHandles, handleSnapshot } from '../../../test/support/open-handles.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { startProxy, type TcpProxy } from '../../../test/support/tcp-proxy.js'
import type { Warning } from '../src/index.js'
import { keysOf } from '../src/redis/keys.js'
import { errorOf } from './error-of.js'
import { electionNode, newGroup, stopNodes } from './nodes.js'

const MAY_EVICT = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']

/** The log's Redis, and two lease nodes that are well. */
let servers: RedisServer[]
let log: string
let first: string
let second: string

beforeAll(async () => {
  servers = await Promise.all(
    ['everysec' as const, 'no' as const, 'no' as const].map((appendOnly) => startRedis({ appendOnly })),
  )
  ;[log, first, second] = servers.map(({ url }) => url) as [string, string, string]
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stopNodes()
})
afterAll(stopAll)

/** A node that has not started, on the lease nodes given; and the warnings that it will give. */
function nodeOn(...redis: string[]) {
  const node = electionNode({ group: newGroup(), redis: log, lease: { redis, ttlMs: 1000 } })
  const warnings: Warning[] = []
  node.on('warning', (warning) => warnings.push(warning))
  return { node, warnings }
}

/** A way to a server, and its URL. */
async function wayTo({ port }: { port: number }): Promise<{ way: TcpProxy; url: string }> {
  const way = await startProxy({ targetPort: port })
  return { way, url: `redis://127.0.0.1:${way.port}` }
}

describe('a lease node that is out of reach', () => {
  it('keeps nobody from starting, and is told of with its place and without the password', async () => {
    const before = handleSnapshot()
    const port = await freePort()
    const { node, warnings } = nodeOn(first, `redis://user:secret@127.0.0.1:${port}`, second)
    await node.start()
    expect(node.isLeader).toBe(true)
    await eventually(() => warnings.length > 0, { message: 'the warning' })
    expect(warnings).toEqual([
      {
        code: 'LEASE_NODE_UNREACHABLE',
        message: `The lease node at redis://127.0.0.1:${port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}; 2 of 3 nodes can, 2 are needed.`,
      },
    ])
    await node.stop()
    await expectNoOpenHandles(before)
  })

  it('is told of once each time, however often it is tried', async () => {
    const third = await startRedis()
    const { way, url } = await wayTo(third)
    const { node, warnings } = nodeOn(first, second, url)
    await node.start()
    for (const told of [1, 2]) {
      await third.kill()
      await eventually(() => warnings.length === told, { message: `warning ${told}` })
      let tries = 0
      way.events.on('connection', () => tries++)
      await eventually(() => tries >= 10, { message: 'ten more attempts' })
      expect(warnings.map(({ code }) => code)).toEqual(Array(told).fill('LEASE_NODE_UNREACHABLE'))
      await third.restart()
      // Not by the connection: that stands before the node has taken note of it. Since the restart, no other used the lease.
      await eventually(
        async () => String(await third.command('INFO', 'commandstats')).includes('cmdstat_eval'),
        {
          message: 'the lease, there again',
        },
      )
    }
    expect(node.isLeader).toBe(true)
  })

  it('is told of, too, where it takes connections and answers nothing', async () => {
    const third = await startRedis()
    await third.pause()
    const { node, warnings } = nodeOn(first, second, third.url)
    await node.start()
    await eventually(() => warnings.length > 0, { message: 'the warning' })
    expect(warnings).toMatchObject([
      { code: 'LEASE_NODE_UNREACHABLE', message: expect.stringContaining(third.url) },
    ])
    await third.stop()
  })

  it('is looked at when it joins: one that may evict the lease is told of', async () => {
    const third = await startRedis()
    await third.kill()
    const { node, warnings } = nodeOn(first, second, third.url)
    await node.start()
    await third.restart(MAY_EVICT)
    await eventually(() => warnings.some(({ code }) => code !== 'LEASE_NODE_UNREACHABLE'))
    expect(warnings.at(-1)).toEqual({
      code: 'REDIS_UNSUPPORTED',
      message: `The lease node at ${third.url} has maxmemory-policy allkeys-lru and may evict the lease under memory pressure. Set it to noeviction.`,
    })
    expect(node.isLeader).toBe(true)
    await third.stop()
  })

  it('is looked at when it joins: one that is another one is told of', async () => {
    const { way, url } = await wayTo(servers[1] ?? { port: 0 })
    way.refuse()
    const { node, warnings } = nodeOn(first, second, url)
    await node.start()
    way.accept()
    await eventually(() => warnings.some(({ code }) => code === 'INVALID_OPTIONS'))
    expect(warnings.at(-1)?.message).toContain(
      `lease.redis[0] and lease.redis[2] are one server (${first} and ${url})`,
    )
  })
})

it('one of three that may evict the lease is refused at the start, whichever answers last', async () => {
  const third = await startRedis({ args: MAY_EVICT })
  const { way, url } = await wayTo(third)
  way.delay(20)
  const error = await errorOf(nodeOn(first, second, url).node.start())
  expect(error).toMatchObject({ code: 'REDIS_UNSUPPORTED', message: expect.stringContaining(url) })
  await third.stop()
})

describe('the same server twice', () => {
  it('is refused at the start: its two votes would not be those of a majority', async () => {
    const before = handleSnapshot()
    const error = await errorOf(nodeOn(first, second, `${first}/1`).node.start())
    expect(error).toMatchObject({
      code: 'INVALID_OPTIONS',
      problems: [
        `lease.redis[0] and lease.redis[2] are one server (${first} and ${first}): its votes would not be those of a majority`,
      ],
    })
    await expectNoOpenHandles(before)
  })

  it('cannot be told where INFO is forbidden, and two that forbid it are not taken for one', async () => {
    jest.spyOn(console, 'warn').mockImplementation(() => {}) // ioredis has something to say of that
    const urls = servers.map(({ port }) => `redis://limited:p@127.0.0.1:${port}`)
    for (const server of servers) {
      await server.command(
        'ACL',
        'SETUSER',
        'limited',
        'on',
        '>p',
        'allkeys',
        'allchannels',
        '+@all',
        '-info',
      )
    }
    const { node } = nodeOn(...urls)
    await node.start()
    expect(node.isLeader).toBe(true)
  })
})

it('a lease without an end, which is none of ours, is looked at once in a lease time', async () => {
  const lone = await startRedis()
  const group = newGroup()
  const ttlMs = 500
  await lone.command('SET', keysOf(group).lease, 'for ever')
  const node = electionNode({
    group,
    redis: log,
    lease: { redis: lone.url, ttlMs },
    startTimeoutMs: 2 * ttlMs,
  })
  expect(await errorOf(node.start())).toMatchObject({ code: 'START_TIMEOUT' })
  const looks = /^cmdstat_pttl:calls=(\d+)/m.exec(String(await lone.command('INFO', 'commandstats')))?.[1]
  expect(Number(looks)).toBeGreaterThanOrEqual(2)
  expect(Number(looks)).toBeLessThan(20)
  await lone.stop()
})

import { createHook } from 'node:async_hooks'
import { connect, type Socket } from 'node:net'
import { AbstractConnector } from 'ioredis'
import { eventually } from '../../../../test/support/deadline.js'
import { expectNoOpenHandles, handleSnapshot } from '../../../../test/support/open-handles.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { createNode } from '../../src/create-node.js'
import type { NodeOptions } from '../../src/options.js'

let redis: RedisServer

/** Threads that were started here and have not ended. */
const threads = new Set<number>()
const hook = createHook({
  init: (id, type) => void (type === 'WORKER' && threads.add(id)),
  destroy: (id) => void threads.delete(id),
})

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
  hook.enable()
})
afterAll(async () => {
  hook.disable()
  await stopAll()
})

function nodeWith(name: string, options: Partial<NodeOptions> = {}) {
  const node = createNode({ group: 'g', name, redis: redis.url, lease: { ttlMs: 5000 }, ...options })
  const codes: string[] = []
  node.on('warning', ({ code }) => codes.push(code))
  return { node, codes }
}

/** A way to Redis that only the app knows. */
class OwnWay extends AbstractConnector {
  constructor() {
    super(100)
  }

  async connect(): Promise<Socket> {
    this.stream = connect(redis.port, '127.0.0.1')
    return this.stream
  }
}

describe('a node', () => {
  it('has a thread, without a connection to Redis, through all its reigns, and leaves nothing when it stops', async () => {
    const before = handleSnapshot()
    const [{ node: leader }, { node: follower }] = [nodeWith('leader'), nodeWith('follower')]
    await leader.start()
    await follower.start()
    const both = new Set(threads)
    expect(both.size).toBe(2)
    await follower.switchover({ to: 'follower' })
    await follower.switchover({ to: 'leader' })
    expect(leader.isLeader).toBe(true)
    expect(threads).toEqual(both)
    expect(await redis.command('CLIENT', 'LIST')).not.toContain('lease-watch')

    await Promise.all([leader.stop(), follower.stop()])
    await eventually(() => threads.size === 0, { message: 'all threads to end' })
    await expectNoOpenHandles(before)
  })

  it('has none before it may lead', async () => {
    const { node } = nodeWith('a', { eligible: false })
    await node.start()
    expect(threads.size).toBe(0)
    await node.setEligible(true)
    await eventually(() => node.isLeader, { message: 'it to lead' })
    expect(threads.size).toBe(1)
    await node.stop()
    await eventually(() => threads.size === 0, { message: 'its thread to end' })
  })

  it('has none where that is switched off, or the lease is too short', async () => {
    for (const options of [{ hangAfterMs: false as const }, { hangAfterMs: 0 }, { lease: { ttlMs: 1500 } }]) {
      const { node, codes } = nodeWith('off', options)
      await node.start()
      await node.stop()
      expect(codes).toEqual([])
    }
    expect(threads.size).toBe(0)
  })

  it.each([
    [
      'a function in its tls options',
      { tls: { checkServerIdentity: () => undefined } },
      /could not be cloned/,
    ],
    ['a connector of its own', { Connector: OwnWay }, /option Connector/],
  ])('says why there is none for %s', async (_, settings, why) => {
    const target = { host: '127.0.0.1', port: redis.port, ...settings }
    const { node } = nodeWith('a', { lease: { redis: target, ttlMs: 5000 }, startTimeoutMs: 500 })
    const warnings: { code: string; message: string }[] = []
    node.on('warning', (warning) => warnings.push(warning))
    await node.start().catch(() => {}) // there is no TLS at the other end
    expect(warnings).toContainEqual({ code: 'HANG_WATCH_OFF', message: expect.stringMatching(why) })
    expect(threads.size).toBe(0)
    await node.stop()
  })
})

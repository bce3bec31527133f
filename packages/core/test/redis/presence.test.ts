import { eventually } from '../../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { systemClock } from '../../src/clock.js'
import type { LeaseNotice } from '../../src/elect/lease.js'
import { resolveOptions } from '../../src/options.js'
import { keysOf } from '../../src/redis/keys.js'
import { RedlockLeaseStore } from '../../src/redis/redlock-lease-store.js'

const keys = keysOf('g')

let servers: RedisServer[]
const stores: RedlockLeaseStore[] = []

beforeAll(async () => {
  servers = await Promise.all([1, 2, 3].map(() => startRedis()))
})
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()))
  for (const server of servers) server.resume()
})
afterAll(stopAll)

/** An instance's lease store on the servers. */
async function open(
  name: string,
  on: readonly RedisServer[],
): Promise<{ id: string; store: RedlockLeaseStore }> {
  const redis = on.map(({ url }) => url)
  const options = resolveOptions({ group: 'g', name, redis: redis[0] ?? '', lease: { redis, ttlMs: 2000 } })
  const store = new RedlockLeaseStore({ options, keys, warn: () => {}, clock: systemClock })
  stores.push(store)
  await store.open(new AbortController().signal)
  return { id: options.id, store }
}

/** Waits until an instance says that it lives by both of its connections to each of the nodes. */
async function subscribed(id: string, nodes: readonly RedisServer[]): Promise<void> {
  const isOn = async (node: RedisServer) => {
    const [, count] = (await node.command('PUBSUB', 'NUMSUB', keys.presence(id))) as [string, number]
    return count === 2
  }
  await eventually(async () => (await Promise.all(nodes.map(isOn))).every(Boolean), {
    message: `the presence of ${id}`,
  })
}

describe.each([1, 3])('on %d lease nodes', (count) => {
  const nodes = () => servers.slice(0, count)
  const pair = async () => {
    const [leader, observer] = [await open('leader', nodes()), await open('observer', nodes())]
    const seen = () => observer.store.isPresent(leader.id)
    await eventually(async () => (await seen()) === true, { message: 'the presence' })
    // Opening takes a majority only; what is seen of a node that joins later is seen later.
    await subscribed(leader.id, nodes())
    await seen()
    return { leader, observer, seen }
  }
  /** Ends connections of an instance on the nodes. */
  const cut = (name: string, some = nodes()) =>
    Promise.all(
      some.map(async (node) => {
        const clients = String(await node.command('CLIENT', 'LIST')).split('\n')
        const ids = clients
          .filter((line) => line.includes(` name=leasehold:g:${name} `))
          .map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '')
        expect(ids.length).toBeGreaterThan(0)
        for (const id of ids) await node.command('CLIENT', 'KILL', 'ID', id)
      }),
    )

  it('a process that ends is gone at once', async () => {
    const { leader, seen } = await pair()
    await leader.store.close()
    await eventually(async () => (await seen()) === false)
    expect(await seen()).toBe(false)
  })

  it('of one that was never seen nothing can be said', async () => {
    const { observer } = await pair()
    expect(await observer.store.isPresent('stranger')).toBeUndefined()
  })

  it('nor by a connection that has not seen it itself', async () => {
    const { leader, seen } = await pair()
    await leader.store.close()
    await eventually(async () => (await seen()) === false)
    await cut('observer:lease')
    await eventually(async () => (await seen()) === undefined)
    for (let look = 0; look < 20; look++) expect(await seen()).toBeUndefined()
  })

  it('a connection that is cut makes nobody gone', async () => {
    const { leader, seen } = await pair()
    for (let round = 0; round < 20; round++) {
      await cut(`leader:lease-${round % 2 === 0 ? 'presence' : 'notices'}`)
      for (let look = 0; look < 5; look++) expect(await seen()).toBe(true)
      await subscribed(leader.id, nodes())
    }
  })

  it('nor do all that are cut for long', async () => {
    const { leader, seen } = await pair()
    for (let round = 0; round < 5; round++) {
      await Promise.all(['presence', 'notices'].map((which) => cut(`leader:lease-${which}`)))
      await eventually(async () => (await seen()) === true)
      await subscribed(leader.id, nodes())
      expect(await seen()).toBe(true)
    }
  })

  it('a restart of the servers makes nobody gone', async () => {
    const { seen } = await pair()
    await Promise.all(nodes().map((node) => node.kill()))
    await Promise.all(nodes().map((node) => node.restart()))
    let sign: boolean | undefined
    await eventually(async () => {
      sign = await seen()
      expect(sign).not.toBe(false)
      return sign
    })
  })

  it('exactly the lease that is named is taken away', async () => {
    const { leader, observer } = await pair()
    const notices: LeaseNotice[] = []
    leader.store.onNotice((notice) => notices.push(notice))
    const lease = await leader.store.acquire()
    expect(await observer.store.depose('another', undefined)).toBe(false)
    expect(await observer.store.look()).not.toEqual({ vacantInMs: 0 })
    expect(await observer.store.depose(lease?.value ?? '', 'heir')).toBe(true)
    expect(await observer.store.look()).toEqual({ vacantInMs: 0 })
    await eventually(() => notices.length > 0)
    for (const notice of notices) expect(notice).toEqual({ kind: 'vacant', reason: 'deposed', heir: 'heir' })
    expect(await observer.store.depose(lease?.value ?? '', 'heir')).toBe(false)
  })
})

it('a minority that hangs, or is gone, delays no sign, and a minority’s sign is none', async () => {
  const [leader, observer] = [await open('leader', servers), await open('observer', servers)]
  const seen = () => observer.store.isPresent(leader.id)
  await subscribed(leader.id, servers)
  expect(await seen()).toBe(true)
  await servers[2]?.pause()
  expect(await seen()).toBe(true)
  servers[2]?.resume()
  await servers[2]?.kill()
  expect(await seen()).toBe(true)
  await servers[1]?.pause()
  expect(await seen()).toBeUndefined()
  servers[1]?.resume()
  await leader.store.close()
  await eventually(async () => (await seen()) === false)
  await servers[2]?.restart()
})

it('each of several instances is remembered to have been seen', async () => {
  const [a, b, observer] = [
    await open('a', servers),
    await open('b', servers),
    await open('observer', servers),
  ]
  for (const { id } of [a, b])
    await eventually(async () => (await observer.store.isPresent(id)) === true, {
      message: `the presence of ${id}`,
    })
  await Promise.all([a, b].map(({ store }) => store.close()))
  for (const { id } of [a, b]) {
    await eventually(async () => (await observer.store.isPresent(id)) === false)
    expect(await observer.store.isPresent(id)).toBe(false)
  }
})

import { Redis } from 'ioredis'
import { eventually, once } from '../../../../test/support/deadline.js'
import { freePort } from '../../../../test/support/free-port.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { startProxy } from '../../../../test/support/tcp-proxy.js'
import { type Clock, systemClock } from '../../src/clock.js'
import type { Lease, LeaseNotice } from '../../src/elect/lease.js'
import { resolveOptions } from '../../src/options.js'
import { keysOf } from '../../src/redis/keys.js'
import { RedlockLeaseStore } from '../../src/redis/redlock-lease-store.js'
import { settle, VirtualClock } from '../../src/testing/virtual-clock.js'

const TTL_MS = 3000
const HOUR_MS = 3_600_000
const keys = keysOf('g')

let servers: RedisServer[]
const stores: RedlockLeaseStore[] = []

beforeAll(async () => {
  servers = await Promise.all([startRedis(), startRedis(), startRedis()])
})

afterEach(async () => {
  jest.restoreAllMocks()
  await Promise.all(stores.splice(0).map((store) => store.close()))
  await Promise.all(servers.map((server) => server.wipe()))
})

afterAll(stopAll)

function createStore(targets: readonly { port: number }[], clock: Clock = systemClock): RedlockLeaseStore {
  const urls = targets.map(({ port }) => `redis://127.0.0.1:${port}`)
  const options = resolveOptions({
    group: 'g',
    name: 'a',
    redis: urls[0] ?? '',
    lease: { redis: urls, ttlMs: TTL_MS },
  })
  const store = new RedlockLeaseStore({ options, keys, warn: () => {}, clock })
  stores.push(store)
  return store
}

/** A store on `targets` that is connected to all of `nodes`: opening it takes a majority only. */
async function openStore(
  nodes: RedisServer[],
  { clock = systemClock, targets = nodes }: { clock?: Clock; targets?: readonly { port: number }[] } = {},
): Promise<RedlockLeaseStore> {
  const store = createStore(targets, clock)
  await store.open(new AbortController().signal)
  await eventually(async () => {
    const lease = await take(store)
    const everywhere = (await values(nodes)).every((value) => value === lease.value)
    await store.release(lease)
    await answered(store)
    return everywhere
  })
  return store
}

/** Waits until each of a store's nodes has answered all that it was asked, and what its answers set off. */
async function answered(store: RedlockLeaseStore): Promise<void> {
  const asked = jest.spyOn(Redis.prototype, 'pttl')
  for (let round = 0; round < 2; round++) {
    await store.look().catch(() => {})
    await Promise.allSettled(asked.mock.results.map(({ value }) => value as Promise<number>))
  }
  asked.mockRestore()
}

/** The lease that a store takes, of which a test takes for granted that it gets it. */
async function take(store: RedlockLeaseStore): Promise<Lease> {
  const lease = await store.acquire()
  if (!lease) throw new Error('The lease was not granted')
  return lease
}

/** What stands under the lease's key on each node. */
async function values(nodes = servers): Promise<unknown[]> {
  return Promise.all(nodes.map((node) => node.command('GET', keys.lease)))
}

async function steal(nodes: RedisServer[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.command('SET', keys.lease, 'thief', 'PX', 60_000)))
}

describe.each([1, 3])('on %i nodes', (count) => {
  let nodes: RedisServer[]

  beforeEach(() => {
    nodes = servers.slice(0, count)
  })

  it('grants a lease that stands on every node for its time', async () => {
    const store = await openStore(nodes)
    const before = systemClock.now()
    const lease = await take(store)
    expect(lease.deadlineMs).toBeGreaterThanOrEqual(before + TTL_MS - TTL_MS / 10)
    expect(lease.deadlineMs).toBeLessThanOrEqual(systemClock.now() + TTL_MS - TTL_MS / 10)
    await eventually(async () => (await values(nodes)).every((value) => value === lease.value))
    for (const node of nodes) {
      const pttl = Number(await node.command('PTTL', keys.lease))
      expect(pttl).toBeGreaterThan(TTL_MS / 2)
      expect(pttl).toBeLessThanOrEqual(TTL_MS)
    }
  })

  it('grants it to one of several that ask at once, at most', async () => {
    const rivals = await Promise.all(Array.from({ length: 4 }, () => openStore(nodes)))
    const leases = await Promise.all(rivals.map((store) => store.acquire()))
    expect(leases.filter((lease) => lease !== undefined).length).toBeLessThanOrEqual(1)
  })

  it('refuses it while another holds it, and leaves that one alone', async () => {
    const [holder, rival] = [await openStore(nodes), await openStore(nodes)]
    const lease = await take(holder)
    expect(await rival.acquire()).toBeUndefined()
    expect(await values(nodes)).toEqual(nodes.map(() => lease.value))
  })

  it('renews it: a later deadline, a longer time on the nodes', async () => {
    const store = await openStore(nodes)
    const lease = await take(store)
    await Promise.all(nodes.map((node) => node.command('PEXPIRE', keys.lease, 1500)))
    const renewed = await store.renew(lease)
    expect(renewed?.value).toBe(lease.value)
    expect(renewed?.deadlineMs).toBeGreaterThan(lease.deadlineMs)
    await answered(store)
    for (const node of nodes) expect(await node.command('PTTL', keys.lease)).toBeGreaterThan(1500)
  })

  it('says that it is lost once another holds it', async () => {
    const store = await openStore(nodes)
    const lease = await take(store)
    await steal(nodes)
    expect(await store.renew(lease)).toBeUndefined()
    expect(await values(nodes)).toEqual(nodes.map(() => 'thief'))
  })

  it('gives it back, so that another gets it at once', async () => {
    const [holder, rival] = [await openStore(nodes), await openStore(nodes)]
    await holder.release(await take(holder))
    await answered(holder)
    expect(await values(nodes)).toEqual(nodes.map(() => null))
    expect(await rival.acquire()).toBeDefined()
  })

  it('gives back its own lease only', async () => {
    const store = await openStore(nodes)
    const lease = await take(store)
    await steal(nodes)
    await store.release(lease).catch(() => {})
    expect(await values(nodes)).toEqual(nodes.map(() => 'thief'))
  })

  it('never renews after its own deadline: the script would bring back what others count on', async () => {
    const clock = new VirtualClock()
    const store = await openStore(nodes, { clock })
    const lease = await take(store)
    await Promise.all(nodes.map((node) => node.command('DEL', keys.lease)))
    clock.pause(lease.deadlineMs)
    expect(await store.renew(lease)).toBeUndefined()
    await answered(store)
    expect(await values(nodes)).toEqual(nodes.map(() => null))
  })

  it('gives back what was granted too late to be of use', async () => {
    const clock = new VirtualClock()
    const store = await openStore(nodes, { clock })
    const acquiring = store.acquire()
    clock.pause(TTL_MS)
    expect(await acquiring).toBeUndefined()
    await answered(store)
    expect(await values(nodes)).toEqual(nodes.map(() => null))
  })

  it('does not care about jumps of the wall clock', async () => {
    const store = await openStore(nodes)
    const realNow = Date.now.bind(Date)
    let offsetMs = 0
    jest.spyOn(Date, 'now').mockImplementation(() => realNow() + offsetMs)
    let lease = await take(store)
    for (offsetMs of [HOUR_MS, -HOUR_MS, 2 * HOUR_MS]) {
      const before = systemClock.now()
      const renewed = await store.renew(lease)
      if (!renewed) throw new Error('lost')
      expect(renewed.deadlineMs).toBeGreaterThanOrEqual(before + TTL_MS - TTL_MS / 10)
      expect(renewed.deadlineMs).toBeLessThanOrEqual(systemClock.now() + TTL_MS)
      lease = renewed
    }
    await store.release(lease)
    await answered(store)
    expect(await values(nodes)).toEqual(nodes.map(() => null))
  })

  it('sees for how long it is still held', async () => {
    const [holder, observer] = [await openStore(nodes), await openStore(nodes)]
    expect(await observer.look()).toEqual({ vacantInMs: 0 })
    const lease = await take(holder)
    await answered(holder)
    const { vacantInMs } = await observer.look()
    expect(vacantInMs).toBeGreaterThan(TTL_MS / 2)
    expect(vacantInMs).toBeLessThanOrEqual(TTL_MS)
    await holder.release(lease)
    await answered(holder)
    expect(await observer.look()).toEqual({ vacantInMs: 0 })
  })

  it('tells the others when it is given back, and when somebody leads', async () => {
    const [holder, observer] = [await openStore(nodes), await openStore(nodes)]
    const heard: LeaseNotice[] = []
    observer.onNotice((notice) => heard.push(notice))
    await eventually(async () => {
      const counts = await Promise.all(
        nodes.map((node) => node.command('PUBSUB', 'NUMSUB', keys.leaseNotices)),
      )
      return counts.every((reply) => (reply as [string, number])[1] === 2)
    })
    const lease = await take(holder)
    holder.announceLeader()
    await eventually(() => heard.filter(({ kind }) => kind === 'taken').length === count)
    heard.length = 0
    await holder.release(lease, 'stopped')
    await eventually(() => heard.length === count)
    for (const notice of heard) expect(notice).toEqual({ kind: 'vacant', reason: 'stopped' })
  })

  it('survives SCRIPT FLUSH at any time', async () => {
    const store = await openStore(nodes)
    const flush = () => Promise.all(nodes.map((node) => node.command('SCRIPT', 'FLUSH')))
    await flush()
    const lease = await take(store)
    await flush()
    const renewed = await store.renew(lease)
    expect(renewed).toBeDefined()
    await flush()
    await store.release(renewed ?? lease)
    await answered(store)
    expect(await values(nodes)).toEqual(nodes.map(() => null))
  })
})

describe('when nodes fail', () => {
  afterEach(async () => {
    for (const server of servers) await server.restart()
  })

  it('a node that restarted empty gets its vote back with a renewal', async () => {
    const store = await openStore(servers)
    let lease = await take(store)
    await servers[2]?.restart()
    expect((await values())[2]).toBeNull()
    await eventually(async () => {
      lease = (await store.renew(lease)) ?? lease
      return (await values())[2] === lease.value
    })
  })

  it('so a rolling restart of all nodes keeps the holder', async () => {
    const [holder, rival] = [await openStore(servers), await openStore(servers)]
    let lease: Lease | undefined = await take(holder)
    for (const [i, server] of servers.entries()) {
      await server.restart()
      await eventually(async () => {
        lease = lease && (await holder.renew(lease))
        if (!lease) throw new Error('lost')
        return (await values())[i] === lease.value
      })
      expect(await rival.acquire().catch(() => undefined)).toBeUndefined()
    }
  })

  it('one of three dead changes nothing', async () => {
    await servers[2]?.kill()
    const store = await openStore(servers.slice(0, 2), { targets: servers })
    const lease = await store.renew(await take(store))
    expect(lease).toBeDefined()
    expect((await store.look()).vacantInMs).toBeGreaterThan(0)
    if (lease) await store.release(lease)
    await answered(store)
    expect(await values(servers.slice(0, 2))).toEqual([null, null])
  })

  it('one of three that hangs changes nothing', async () => {
    const store = await openStore(servers)
    await servers[2]?.pause()
    const lease = await store.renew(await take(store))
    expect(lease).toBeDefined()
    servers[2]?.resume()
  })

  it('two of three dead: nobody can tell, which is not the same as lost', async () => {
    const store = await openStore(servers)
    const lease = await take(store)
    await Promise.all([servers[1]?.kill(), servers[2]?.kill()])
    await expect(store.renew(lease)).rejects.toThrow('quorum')
    await expect(store.acquire()).resolves.toBeUndefined() // the node that is left says: held
    await expect(store.look()).rejects.toThrow('No majority of the lease nodes answers')
    await servers[0]?.command('DEL', keys.lease)
    await expect(store.acquire()).rejects.toThrow('quorum')
  })

  it('two of three that hang: rejects in time for another attempt', async () => {
    const store = await openStore(servers)
    const lease = await take(store)
    await Promise.all([servers[1]?.pause(), servers[2]?.pause()])
    await expect(store.renew(lease)).rejects.toThrow('quorum')
    expect(systemClock.now()).toBeLessThan(lease.deadlineMs)
    for (const server of servers.slice(1)) server.resume()
  })

  it.each([1, 3])(
    'of %i a majority hung: a lease that is over does not come back with them',
    async (count) => {
      const nodes = servers.slice(0, count)
      const hung = nodes.slice(0, Math.floor(count / 2) + 1)
      const ways = await Promise.all(hung.map(({ port }) => startProxy({ targetPort: port })))
      const holder = await openStore(nodes, { targets: [...ways, ...nodes.slice(hung.length)] })
      const observer = await openStore(nodes)
      const lease = await holder.renew(await take(holder)) // so that they know the script
      if (!lease) throw new Error('lost')
      await answered(holder)
      await Promise.all(hung.map((node) => node.command('CONFIG', 'RESETSTAT')))
      await Promise.all(hung.map((node) => node.pause()))
      const givenUp = Promise.all(ways.map((way) => once(way.events, 'connection')))
      await expect(holder.renew(lease)).rejects.toThrow('quorum')
      await givenUp // else the release would follow the renewal on the same socket
      await expect(holder.release(lease)).rejects.toThrow('quorum')

      const heard = new Promise((resolve) => observer.onNotice(resolve))
      for (const node of hung) node.resume()
      expect(await heard).toEqual({ kind: 'vacant', reason: undefined })
      await eventually(async () => (await values(hung)).every((value) => value === null))
      for (const node of hung) {
        expect(await node.command('INFO', 'commandstats')).toMatch(/^cmdstat_set:calls=1,/m) // it did come back
        expect(await node.command('INFO', 'stats')).toMatch(/^expired_keys:0\r$/m)
      }
    },
  )

  it('stolen on one of three is held all the same', async () => {
    const store = await openStore(servers)
    const lease = await take(store)
    await steal(servers.slice(0, 1))
    expect(await store.renew(lease)).toBeDefined()
    await steal(servers.slice(1, 2))
    expect(await store.renew(lease)).toBeUndefined()
  })

  it('cannot be opened without a majority, and says whom it misses', async () => {
    const dead = await Promise.all([freePort(), freePort()])
    const store = createStore([...servers.slice(0, 1), ...dead.map((port) => ({ port }))])
    const late = new AbortController()
    const opening = store.open(late.signal)
    late.abort()
    await expect(opening).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringMatching(/redis:\/\/127\.0\.0\.1:\d+/),
    })
  })
})

it('sees a lease without a majority as vacant, and one without an end as held for ever', async () => {
  const store = await openStore(servers)
  await steal(servers.slice(0, 1))
  expect(await store.look()).toEqual({ vacantInMs: 0 })
  for (const server of servers.slice(0, 2)) await server.command('SET', keys.lease, 'no end')
  expect(await store.look()).toEqual({ vacantInMs: Number.POSITIVE_INFINITY })
})

describe('where one of three does not answer a look', () => {
  it('a vacancy is seen at once', async () => {
    const slow = await startProxy({ targetPort: servers[2]?.port ?? 0 })
    const store = await openStore(servers, { targets: [...servers.slice(0, 2), slow] })
    slow.hold('toClient')
    const asked = jest.spyOn(Redis.prototype, 'pttl')
    expect(await store.look()).toEqual({ vacantInMs: 0 })
    const third = asked.mock.results[2]?.value as Promise<number>
    let settled = false
    third.finally(() => (settled = true)).catch(() => {})
    await settle()
    expect(settled).toBe(false)
    slow.release()
  })

  it('the time until a vacancy runs on meanwhile', async () => {
    const clock = new VirtualClock()
    const slow = await startProxy({ targetPort: servers[2]?.port ?? 0 })
    const store = await openStore(servers, { targets: [...servers.slice(0, 2), slow], clock })
    await take(store)
    await answered(store)
    slow.hold('toClient')
    const asked = jest.spyOn(Redis.prototype, 'pttl')
    const looking = store.look()
    const [first, second] = await Promise.all(
      asked.mock.results.slice(0, 2).map(({ value }) => value as Promise<number>),
    )
    clock.pause(1000)
    slow.release()
    const { vacantInMs } = await looking
    expect(vacantInMs).toBeGreaterThan(0)
    expect(vacantInMs).toBeLessThanOrEqual(Math.max(first ?? 0, second ?? 0) - 1000)
  })
})

it('does not give back before a renewal is through on all nodes, which would bring the key back', async () => {
  const slow = await startProxy({ targetPort: servers[2]?.port ?? 0 })
  const store = await openStore(servers, { targets: [...servers.slice(0, 2), slow] })
  // By now all nodes know the script that gives back, and none the one that renews: so the renewal takes two steps.
  const lease = await take(store)
  await answered(store)

  slow.hold('toServer')
  const renewed = await store.renew(lease) // by the two others
  const releasing = store.release(renewed ?? lease)
  await eventually(() => slow.heldBytes('toServer') > 0)
  slow.release()
  await releasing
  await answered(store)
  expect(await values()).toEqual([null, null, null])
})

import { Cluster, Redis } from 'ioredis'
import { eventually } from '../../../../test/support/deadline.js'
import { freePort } from '../../../../test/support/free-port.js'
import { type RedisCluster, startCluster } from '../../../../test/support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import type { RedisTarget } from '../../src/options.js'
import { ClusterSlot } from '../../src/redis/cluster-slot.js'
import { clusterSettingsOf } from '../../src/redis/cluster-target.js'
import {
  commandOptions,
  connect,
  createClient,
  locate,
  placeOf,
  subscriberOptions,
  termOptions,
} from '../../src/redis/connections.js'
import { checkServer } from '../../src/redis/server-checks.js'
import { errorOf } from '../error-of.js'

const KEY = 'leasehold:{g}:meta'

let cluster: RedisCluster
let owner: RedisServer
let bystander: RedisServer
const clients: Redis[] = []

beforeAll(async () => {
  cluster = await startCluster(KEY, { copies: 1, appendOnly: 'no' })
  owner = await cluster.owner()
  bystander = await cluster.bystander()
})
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect()
})
afterAll(stopAll)

function slotOf(target: RedisTarget): ClusterSlot {
  const slot = locate(target, KEY)
  if (!(slot instanceof ClusterSlot)) throw new Error('This is no Cluster')
  return slot
}

async function connected(target: RedisTarget, duty = commandOptions(1000)): Promise<Redis> {
  const client = createClient(target, duty, 'test')
  clients.push(client)
  await connect(client, AbortSignal.timeout(10_000))
  return client
}

function portOf(client: Redis): number | undefined {
  return client.stream.remotePort
}

describe('finds the server that has the slot', () => {
  it.each(['each of its servers', 'a copy of it', 'one that is not there, and one that is'])(
    'from %s',
    async (from) => {
      const [copy] = await cluster.copies()
      const sets: Record<string, unknown[][]> = {
        'each of its servers': cluster.servers.map(({ port }) => [port]),
        'a copy of it': [[copy?.port]],
        'one that is not there, and one that is': [[await freePort(), bystander.port]],
      }
      for (const servers of sets[from] ?? [])
        expect(await slotOf({ cluster: servers }).find()).toEqual({ host: '127.0.0.1', port: owner.port })
    },
  )

  it('by the name that it gives itself, whatever it was asked by: one server is not two', async () => {
    expect(await slotOf({ cluster: [`localhost:${owner.port}`] }).find()).toEqual({
      host: '127.0.0.1',
      port: owner.port,
    })
  })

  it('where a user may ask nothing of CLUSTER', async () => {
    for (const server of cluster.servers)
      await server.command('ACL', 'SETUSER', 'plain', 'on', '>p', '~*', '&*', '+@all', '-cluster')
    const slot = slotOf({ cluster: [bystander.port], username: 'plain', password: 'p' })
    expect(await slot.find()).toEqual({ host: '127.0.0.1', port: owner.port })
  })

  it('through a map of addresses', async () => {
    const told = `127.0.0.1:${owner.port}`
    const natMap = { [told]: { host: 'localhost', port: owner.port } }
    const named = { host: 'localhost', port: owner.port }
    expect(await slotOf({ cluster: [bystander.port], natMap }).find()).toEqual(named)
    expect(
      await slotOf({ cluster: [bystander.port], natMap: (name: string) => natMap[name] ?? null }).find(),
    ).toEqual(named)
  })

  it('or says what each of those that it asked has answered', async () => {
    const [port, other] = [await freePort(), await freePort()]
    const error = await errorOf(slotOf({ cluster: [port, other] }).find())
    expect(error.message).toContain(
      `no server of the Cluster 127.0.0.1:${port}, 127.0.0.1:${other} has the slot`,
    )
    expect(error.message).toContain(`127.0.0.1:${port}: `)
  })
})

it('takes settings from a Cluster client of ioredis', () => {
  const client = new Cluster([{ host: 'h', port: 7 }, 'redis://i:8', 9], {
    lazyConnect: true,
    redisOptions: { username: 'u', password: 'p', tls: {}, maxRetriesPerRequest: 3 },
  })
  expect(clusterSettingsOf(client)).toEqual({
    nodes: [
      { host: 'h', port: 7 },
      { host: 'i', port: 8 },
      { host: '127.0.0.1', port: 9 },
    ],
    access: { username: 'u', password: 'p', tls: {} },
    natMap: undefined,
  })
  client.disconnect()
})

it('takes no other client for a Cluster, whatever methods that has', () => {
  const client = new Redis({ host: 'h', port: 7, lazyConnect: true })
  expect(clusterSettingsOf(client)).toBeUndefined()
})

it('says where it is without secrets', async () => {
  const slot = slotOf({ cluster: [`redis://:secret@127.0.0.1:${bystander.port}`] })
  expect(slot.place).toBe(`Cluster 127.0.0.1:${bystander.port}`)
  const client = await connected(slotOf({ cluster: [bystander.port] }))
  expect(placeOf(client.options)).toBe(`Cluster 127.0.0.1:${bystander.port}`)
})

it('refuses a server of a Cluster that is named as a server', async () => {
  const client = await connected(owner.url)
  expect(await errorOf(checkServer(client))).toMatchObject({ code: 'REDIS_UNSUPPORTED' })
})

it('takes a single server that is named as a Cluster', async () => {
  const single = await startRedis()
  const client = await connected(slotOf({ cluster: [single.port] }))
  expect(await client.ping()).toBe('PONG')
  await checkServer(client)
})

it('when the slot has moved, the connection that is told so ends, and all come to where it is', async () => {
  const slot = slotOf(cluster.target)
  const commands = await connected(slot)
  const duplicate: Redis = commands.duplicate()
  clients.push(duplicate)
  const [subscriber, term] = [
    await connected(slot, subscriberOptions()),
    await connected(slot, termOptions(1000)),
  ]
  await duplicate.connect()
  const all = [commands, duplicate, subscriber]
  expect([...all, term].map(portOf)).toEqual([owner, owner, owner, owner].map(({ port }) => port))

  await commands.set(KEY, 1)
  await cluster.moveSlot(owner, bystander)
  await expect(commands.get(KEY)).rejects.toThrow('MOVED')
  await eventually(() =>
    all.every((client) => client.status === 'ready' && portOf(client) === bystander.port),
  )
  expect(await commands.get(KEY)).toBe('1')
  await eventually(() => term.status === 'end', { message: 'the connection of a term to end for good' })
  await cluster.moveSlot(bystander, owner)
})

import { once } from 'node:events'
import { Agent, createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, defineStateMachine, type ReplicatedNode } from '@leasehold/core'
import express from 'express'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { startProxy } from '../../../test/support/tcp-proxy.js'
import { clusterErrors, routeWrites } from '../src/index.js'
import { open, postJson, type Reply, send } from './support/http-client.js'
import { closeAll, listen } from './support/instances.js'

const list = defineStateMachine({
  name: 'list',
  version: 1,
  initial: () => ({ items: [] as string[] }),
  commands: { push: (state, item: string) => state.items.push(item) },
})

type ListNode = ReplicatedNode<ReturnType<typeof list.initial>, typeof list.commands>

/** An instance as users run it, but that all share this process. */
interface Instance {
  readonly node: ListNode
  readonly server: Server
  readonly url: string
  /** What it made of the signatures that other instances sent it. */
  readonly believed: boolean[]
}

/** The instances share one event loop: it may stand still for a while, and none may count as gone then. */
const HEARTBEAT_MS = 250
/** For how long a request is under way: longer than a step takes that waits for nothing. */
const UNDER_WAY_MS = 1000
const META = 'leasehold:{rotation}:meta'

let redis: RedisServer
const agent = new Agent({ keepAlive: true, maxSockets: 50 })
const running = new Set<ListNode>()

beforeAll(async () => {
  redis = await startRedis()
})

afterEach(async () => {
  await Promise.all([...running].map((node) => node.stop()))
  running.clear()
  await closeAll()
  await redis.wipe()
})

afterAll(async () => {
  agent.destroy()
  await stopAll()
})

/** @param urlOf where others reach it, by its port; a proxy may stand in between */
async function start(
  name: string,
  { urlOf = async (port: number) => `http://127.0.0.1:${port}`, eligible = true } = {},
): Promise<Instance> {
  const app = express()
  const server = createServer(app)
  const port = await listen(server)
  const node = createNode({
    ...{ group: 'rotation', redis: redis.url, stateMachine: list, lease: { ttlMs: 2000 } },
    ...{ name, eligible, heartbeatMs: HEARTBEAT_MS, url: await urlOf(port) },
  })
  running.add(node)
  const believed: boolean[] = []
  const verify = node.credentials.verify.bind(node.credentials)
  jest.spyOn(node.credentials, 'verify').mockImplementation((text, signature) => {
    const result = verify(text, signature)
    believed.push(result)
    return result
  })
  app.use(routeWrites(node, { maxBufferBytes: 1000 }))
  app.use(express.json({ limit: '1mb' }))
  app.post('/items', (req, res, next) => {
    const { item } = req.body as { item: string }
    node.write('push', item).then((length) => res.json({ length }), next)
  })
  app.use(clusterErrors(node))
  await node.start()
  return { node, server, url: `http://127.0.0.1:${port}`, believed }
}

/** The first leads. */
async function startThree(): Promise<[Instance, Instance, Instance]> {
  return [await start('leader'), await start('b'), await start('c')]
}

const field = async (name: string) => String(await redis.command('HGET', META, name))

/**
 * Clients that push one item after the other through the given instances.
 *
 * @param longItems whether some are so long that they are streamed; those are not sent again when the leader changes
 */
function startClients(urls: readonly string[], clients: number, { longItems }: { longItems: boolean }) {
  const replies: Reply[] = []
  const items: string[] = []
  const stopping = new AbortController()
  const ended = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let i = 0; !stopping.signal.aborted; i++) {
        const item = `${client}-${i}-${'x'.repeat(longItems && i % 5 === 0 ? 5000 : 5)}`
        const body = JSON.stringify({ item })
        const headers = { 'content-type': 'application/json', 'content-length': body.length }
        const url = `${urls[(client + i) % urls.length]}/items`
        replies.push(await send(url, { method: 'POST', agent, headers }, body))
        items.push(item)
      }
    }),
  )
  return {
    replies,
    items,
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

test('under load through followers no request fails and none is refused while the secret is rotated', async () => {
  const instances = await startThree()
  const [leader, ...followers] = instances
  const clients = startClients(
    followers.map(({ url }) => url),
    8,
    { longItems: true },
  )
  await eventually(() => clients.replies.length > 50)

  const secrets = [await field('secret')]
  for (const { node } of instances) {
    const before = leader.believed.length
    await node.rotateSecret({ inFlightMs: 1000 })
    secrets.push(await field('secret'))
    expect(leader.believed.length).toBeGreaterThan(before + 50) // requests were forwarded all the time
  }
  await clients.stop()

  expect(new Set(secrets).size).toBe(4)
  const { replies, items } = clients
  expect(replies.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([])
  for (const { headers } of replies) expect(headers['leasehold-served-by']).toBe(leader.node.id)
  expect(leader.believed.filter((believed) => !believed)).toEqual([])
  expect(leader.believed.length).toBe(replies.length) // every one was forwarded, once
  expect(leader.node.read((state) => state.items).toSorted()).toEqual(items.toSorted())
})

test('also across a change of leader in the middle', async () => {
  const [first, ...others] = await startThree()
  const clients = startClients(
    others.map(({ url }) => url),
    4,
    { longItems: false },
  )
  await eventually(() => clients.replies.length > 20)
  const secret = await field('secret')
  const rotation = others[0]?.node.rotateSecret({ inFlightMs: 1000 })
  await eventually(async () => (await field('nextSecret')) !== '', { intervalMs: 1 })
  await first.node.stop()
  await rotation
  await clients.stop()

  expect(await field('secret')).not.toBe(secret)
  expect(clients.replies.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([])
  const forwarded = others.flatMap(({ believed }) => believed)
  expect(forwarded.length).toBeGreaterThan(10)
  expect([...first.believed, ...forwarded].filter((believed) => !believed)).toEqual([])
})

test('a request that was signed before the change and arrives after it is believed', async () => {
  let proxy = await startProxy({ targetPort: 1 })
  const leader = await start('leader', {
    urlOf: async (port) => {
      proxy = await startProxy({ targetPort: port })
      return `http://127.0.0.1:${proxy.port}`
    },
  })
  const follower = await start('follower')
  const [old, signed] = [await field('secret'), follower.node.credentials.sign('text')]
  proxy.hold('toServer')
  const reply = postJson(`${follower.url}/items`, { item: 'slow' })
  await eventually(() => proxy.heldBytes('toServer') > 0)

  const rotation = leader.node.rotateSecret({ inFlightMs: 4 * UNDER_WAY_MS })
  await eventually(async () => (await field('previousSecret')) === old, { intervalMs: 1 })
  await eventually(() => follower.node.credentials.sign('text') !== signed) // nobody signs with the old one any more
  await sleep(UNDER_WAY_MS)
  expect(await field('previousSecret')).toBe(old)
  proxy.release()
  expect((await reply).status).toBe(200)
  expect(leader.believed).toEqual([true])
  await rotation
  expect(leader.node.credentials.verify('text', signed)).toBe(false)
})

test('a long body that does not come keeps no signature waiting', async () => {
  const [leader, follower] = await startThree()
  const { req, reply } = open(`${follower.url}/items`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': 100_011 },
  })
  const arrived = once(follower.server, 'request')
  req.flushHeaders()
  await arrived
  const signed = follower.node.credentials.sign('text')
  await leader.node.rotateSecret({ inFlightMs: 0 })
  expect(follower.node.credentials.sign('text')).not.toBe(signed)
  expect(leader.believed).toEqual([])
  req.end(JSON.stringify({ item: 'x'.repeat(100_000) }))
  expect((await reply).status).toBe(200)
  expect(leader.believed).toEqual([true])
})

import type { Redis } from 'ioredis'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { startProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.js'
import type { SnapshotHead } from '../../src/log/snapshot.js'
import { commandOptions, connect, createClient } from '../../src/redis/connections.js'
import { keysOf } from '../../src/redis/keys.js'
import { RedisSnapshotStore } from '../../src/redis/redis-snapshot-store.js'

const keys = keysOf('g')
const CHUNK = Buffer.from([0, 255, 10, 13])

let server: RedisServer
let proxy: TcpProxy
let client: Redis
let store: RedisSnapshotStore

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(async () => {
  await server.command('FLUSHALL')
  proxy = await startProxy({ targetPort: server.port })
  client = createClient(`redis://127.0.0.1:${proxy.port}`, commandOptions(1000), 'test')
  await connect(client, new AbortController().signal)
  store = new RedisSnapshotStore(client, keys)
})

afterEach(async () => {
  client.disconnect()
  await proxy.close()
})

afterAll(stopAll)

async function ttlOf(id: string): Promise<unknown> {
  return server.command('TTL', keys.snapshot(id))
}

it('gives back what it was given, byte for byte', async () => {
  const head = { id: 's', index: 5 } as SnapshotHead
  await store.writeChunk('s', 0, CHUNK)
  await store.writeHead(head)
  expect(await store.readChunk('s', 0)).toEqual(CHUNK)
  expect(await store.readHead('s')).toEqual(head)
})

it('has nothing of a snapshot that there is not', async () => {
  expect(await store.readChunk('s', 0)).toBeUndefined()
  expect(await store.readHead('s')).toBeUndefined()
})

it.each<[string, () => Promise<void>]>([
  ['its first chunk', () => store.writeChunk('s', 0, CHUNK)],
  ['its head', () => store.writeHead({ id: 's', index: 5 } as SnapshotHead)],
])('a snapshot expires even if its maker dies at %s', async (_, write) => {
  const cut = proxy.cutAfterReplyTo((chunk) => chunk.includes(keys.snapshot('s')))
  await write().catch(() => {})
  await cut
  expect(await server.command('EXISTS', keys.snapshot('s'))).toBe(1)
  expect(await ttlOf('s')).toBeGreaterThan(0)
})

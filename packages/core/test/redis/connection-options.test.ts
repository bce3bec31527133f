import type * as bullmq from 'bullmq'
import { type JobsOptions, Queue } from 'bullmq'
import { Redis, type RedisOptions } from 'ioredis'
import { eventually, once } from '../../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { startProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.js'
import { Redis as Redis5 } from 'ioredis5'
import { createNode } from '../../src/index.js'
import {
  commandOptions,
  connect,
  createClient,
  subscriberOptions,
  termOptions,
  workerOptions,
} from '../../src/redis/connections.js'
import { journal } from '../journal.js'

/** What the libraries were made with, by the names of their classes. */
const mockMade: { redlock: unknown[]; worker: object[]; queue: object[] } = {
  redlock: [],
  worker: [],
  queue: [],
}

jest.mock('redlock', () => {
  const { default: Redlock } = jest.requireActual<{ default: new (...args: unknown[]) => object }>('redlock')
  class Recorded extends Redlock {
    constructor(...args: unknown[]) {
      super(...args)
      mockMade.redlock.push(args[1])
    }
  }
  return { __esModule: true, default: Recorded }
})

jest.mock('bullmq', () => {
  const actual = jest.requireActual<typeof bullmq>('bullmq')
  class RecordedWorker extends actual.Worker {
    constructor(...args: ConstructorParameters<typeof actual.Worker>) {
      super(...args)
      mockMade.worker.push(args[2] as object)
    }
  }
  class RecordedQueue extends actual.Queue {
    constructor(...args: ConstructorParameters<typeof actual.Queue>) {
      super(...args)
      mockMade.queue.push(args[1] as object)
    }
  }
  return { ...actual, Worker: RecordedWorker, Queue: RecordedQueue }
})

const TTL_MS = 2000
const never = new AbortController().signal

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(stopAll)

describe('the connections of a started node', () => {
  /** By duty, which is the end of the connection's name. */
  const connections = new Map<string, RedisOptions>()
  const keepAlives: unknown[] = []
  /** The same names, as CLIENT LIST has them. */
  let listed: Set<string>
  let jobOptions: JobsOptions | undefined

  beforeAll(async () => {
    const connected = jest.spyOn(Redis.prototype, 'connect')
    const added = jest.spyOn(Queue.prototype, 'add')
    const options = { group: 'g', stateMachine: journal, lease: { ttlMs: TTL_MS } }
    // What a client was made with by default must break nothing, either.
    const of5 = new Redis5(server.url, { lazyConnect: true })
    const nodes = [
      createNode({ ...options, redis: server.url, name: 'a' }),
      createNode({ ...options, redis: of5, name: 'b' }),
    ]
    for (const node of nodes) await node.start()
    await nodes[0]?.write('add', 'a line')
    await eventually(() => added.mock.calls.length > 0)
    jobOptions = added.mock.calls[0]?.[2]
    for (const client of connected.mock.contexts as Redis[]) {
      connections.set(dutyOf(client.options.connectionName ?? ''), client.options)
      keepAlives.push(client.options.keepAlive)
    }
    const lines = String(await server.command('CLIENT', 'LIST')).matchAll(/name=(leasehold\S+)/g)
    listed = new Set([...lines].map(([, name = '']) => dutyOf(name)))
    for (const node of nodes) await node.stop()
  })

  function dutyOf(name: string): string {
    return name.replace(/^leasehold:g:[ab]:/, '').replace(/^leasehold:\{g\}:jobs:.*/, 'bullmq')
  }

  it('are these, as Redis sees them, too', () => {
    expect(listed).toEqual(new Set(connections.keys()))
    expect([...connections.keys()].toSorted()).toEqual([
      'acknowledgements',
      'bullmq',
      'commands',
      'jobs',
      'lease',
      'lease-notices',
      'lease-presence',
      'tail',
      'term',
      'worker',
    ])
  })

  it.each([
    'acknowledgements',
    'commands',
    'jobs',
    'lease',
    'lease-notices',
    'lease-presence',
    'tail',
    'term',
  ])('%s: nothing waits while Redis is away, and nothing is sent twice', (duty) => {
    const options = connections.get(duty)
    expect(options).toMatchObject({
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      reconnectOnError: null,
      autoResendUnfulfilledCommands: true, // else ioredis 6.0.0 never settles what was lost
      enableAutoPipelining: false,
    })
  })

  it.each([
    ['commands', 2000],
    ['jobs', 2000],
    ['term', 2000],
    ['lease', TTL_MS / 5],
  ])('%s: a command is given up after %i ms', (duty, timeoutMs) => {
    expect(connections.get(duty)?.commandTimeout).toBe(timeoutMs)
  })

  it.each(['worker', 'bullmq'])('%s: waits for jobs without an end, as BullMQ wants it', (duty) => {
    expect(connections.get(duty)).toMatchObject({ maxRetriesPerRequest: null, enableOfflineQueue: true })
    expect(connections.get(duty)?.commandTimeout).toBeUndefined()
  })

  it('all notice that they are half open, whatever the client does by default that they take their settings from', () => {
    expect(new Set(keepAlives)).toEqual(new Set([10_000]))
  })

  it('term: has no second socket', () => {
    expect(connections.get('term')?.retryStrategy?.(1)).toBeNull()
  })

  it.each([
    'acknowledgements',
    'bullmq',
    'commands',
    'jobs',
    'lease',
    'lease-notices',
    'lease-presence',
    'worker',
  ])('%s: is back soon, however long Redis was away', (duty) => {
    for (const attempt of [1, 2, 5, 10, 100, 10_000]) {
      const delayMs = connections.get(duty)?.retryStrategy?.(attempt)
      expect(delayMs).toBeGreaterThan(0)
      expect(delayMs).toBeLessThanOrEqual(250)
    }
  })

  it('lease-presence: is back at once, before its absence is taken for a death', () => {
    expect(connections.get('lease-presence')?.retryStrategy?.(1)).toBe(1)
  })

  it('redlock tries once a call', () => {
    expect(mockMade.redlock).toEqual([{ retryCount: 0 }, { retryCount: 0 }])
  })

  it('the worker takes one job at a time, and soon takes up again what another had', () => {
    expect(mockMade.worker[0]).toMatchObject({
      prefix: 'leasehold:{g}:jobs',
      concurrency: 1,
      lockDuration: 10_000,
      stalledInterval: 2000,
      maxStalledCount: 1000,
      runRetryDelay: 200,
      drainDelay: 2,
    })
  })

  it('a job is tried once, leaves nothing behind, and is there once', () => {
    expect(jobOptions).toEqual({
      removeOnComplete: true,
      removeOnFail: true,
      attempts: 1,
      jobId: expect.stringMatching(/^t\d{13}-\d+$/),
    })
  })

  it('a queue keeps few of its events', () => {
    expect(mockMade.queue[0]).toMatchObject({
      prefix: 'leasehold:{g}:jobs',
      streams: { events: { maxLen: 100 } },
    })
  })
})

/** What would break a promise of ours if it were taken over. */
const hostile = {
  enableOfflineQueue: true,
  maxRetriesPerRequest: 20,
  reconnectOnError: () => 2 as const,
  retryStrategy: () => 60_000,
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: true,
  commandTimeout: 7,
  socketTimeout: 7,
  blockingTimeout: 7,
  lazyConnect: false,
  replyMapping: 'resp3',
  stringNumbers: true,
} as const

describe.each([
  ['commands', commandOptions(1000)],
  ['a term', termOptions(1000)],
  ['subscriptions', subscriberOptions()],
  ['the worker', workerOptions()],
])('a connection for %s', (_, duty) => {
  const clients: Redis[] = []

  function optionsOf(target: string | object): RedisOptions {
    const client = createClient(target, duty, 'c')
    clients.push(client)
    const { host: _host, port: _port, retryStrategy, ...options } = client.options
    return { ...options, ...(retryStrategy === duty.retryStrategy && { retryStrategy }) }
  }

  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect()
  })

  it('takes over where Redis is from the options of another client, and nothing that breaks a promise', () => {
    expect(optionsOf({ ...hostile, host: 'h' })).toEqual(optionsOf({ host: 'h' }))
  })

  it('takes over nothing of that kind from a URL, either', () => {
    const query = Object.entries(hostile)
      .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`)
      .join('&')
    expect(optionsOf(`redis://127.0.0.1:${server.port}?${query}`)).toEqual(optionsOf(server.url))
  })

  it.each([
    [0, 10_000],
    [60_000, 10_000],
    [3000, 3000],
  ])('where keepAlive is %i ms it asks after %i ms whether the other side is there', (given, kept) => {
    expect(optionsOf({ host: 'h', keepAlive: given }).keepAlive).toBe(kept)
  })

  it('keeps what says where Redis is', () => {
    const target = { host: 'h', port: 1, db: 2, username: 'u', password: 'p', tls: {} }
    const client = createClient(target, duty, 'c')
    clients.push(client)
    expect(client.options).toMatchObject(target)
    expect(createClient(client, duty, 'd').options).toMatchObject(target)
  })
})

describe('on a connection that is cut', () => {
  let proxy: TcpProxy
  const clients: Redis[] = []

  beforeEach(async () => {
    await server.wipe()
    proxy = await startProxy({ targetPort: server.port })
  })

  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect()
    await proxy.close()
  })

  async function open(duty: RedisOptions): Promise<Redis> {
    const client = createClient(`redis://127.0.0.1:${proxy.port}`, duty, 'c')
    clients.push(client)
    await connect(client, never)
    return client
  }

  /** Matches the command that is lost in these tests. */
  const incr = (chunk: Buffer) => chunk.includes('incr')
  const count = async () => Number(await server.command('GET', 'n'))

  it.each([
    ['commands', commandOptions(1000)],
    ['subscriptions', subscriberOptions()],
  ])(
    '%s: a command whose reply is lost rejects, and is not sent again after the reconnect',
    async (_, duty) => {
      const client = await open(duty)
      const cut = proxy.cutAfterReplyTo(incr)
      await expect(client.incr('n')).rejects.toThrow(/Connection is closed|max retries per request/)
      await cut
      await eventually(() => client.status === 'ready')
      expect(await client.get('n')).toBe('1')
    },
  )

  it('a term: a command whose reply is lost rejects, and there is no reconnect', async () => {
    const client = await open(termOptions(1000))
    const ended = once(client, 'end')
    const cut = proxy.cutAfterReplyTo(incr)
    await expect(client.incr('n')).rejects.toThrow(/Connection is closed|max retries per request/)
    await cut
    await ended
    await expect(client.incr('n')).rejects.toThrow(/Connection is closed|max retries per request/)
    expect(proxy.connections).toBe(0)
    expect(await count()).toBe(1)
  })

  it('a command is given up in time, runs once when it gets there, and is not sent again', async () => {
    const client = await open(commandOptions(50))
    proxy.hold('toServer')
    await expect(client.incr('n')).rejects.toThrow('Command timed out')
    proxy.release()
    await eventually(count)
    expect(await eventually(() => client.get('n'))).toBe('1') // perhaps on another socket: the mute one may be given up
  })

  it('a command that comes while Redis is away rejects at once, and does not run later', async () => {
    const client = await open(commandOptions(1000))
    proxy.refuse()
    proxy.reset()
    await once(client, 'close')
    await expect(client.incr('n')).rejects.toThrow('enableOfflineQueue options is false')
    proxy.accept()
    await eventually(() => client.status === 'ready')
    expect(await client.get('n')).toBeNull()
  })

  it('a subscription is renewed', async () => {
    const client = await open(subscriberOptions())
    const channels = async () => (await server.command('PUBSUB', 'NUMSUB', 'c')) as [string, number]
    client.on('ready', () => void client.subscribe('c').catch(() => {}))
    await client.subscribe('c')
    proxy.reset()
    await once(client, 'close')
    expect(await eventually(async () => (await channels())[1])).toBe(1)
  })

  it('a subscription that is lost again while it is renewed ends no process', async () => {
    const client = await open(subscriberOptions())
    await client.subscribe('c')
    const cut = proxy.cutWhen('toServer', (chunk) => chunk.includes('subscribe'))
    proxy.reset()
    client.on('ready', () => void client.subscribe('c').catch(() => {}))
    await cut
    await eventually(() => client.status === 'ready')
    expect(client.listenerCount('ready')).toBe(1) // an unhandled rejection would have failed this test by now
  })
})

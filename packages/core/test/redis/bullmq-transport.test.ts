import { Worker } from 'bullmq'
import { eventually } from '../../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { startProxy } from '../../../../test/support/tcp-proxy.js'
import { systemClock } from '../../src/clock.js'
import { LeaseholdError } from '../../src/errors.js'
import { resolveOptions } from '../../src/options.js'
import { BullmqTransport } from '../../src/redis/bullmq-transport.js'
import { keysOf } from '../../src/redis/keys.js'
import type { Acknowledgement, RangeNotice } from '../../src/replicate/job-transport.js'
import { errorOf } from '../error-of.js'

const keys = keysOf('g')
const transports: BullmqTransport[] = []

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()))
  await server.command('FLUSHALL')
})

afterAll(stopAll)

async function open(
  id: string,
  receive: (notice: RangeNotice) => Promise<void> = async () => {},
  port = server.port,
  signal = new AbortController().signal,
): Promise<BullmqTransport> {
  const options = resolveOptions({ group: 'g', name: id, redis: `redis://127.0.0.1:${port}` })
  const transport = new BullmqTransport(options, keys, systemClock)
  transports.push(transport)
  await transport.open(id, receive, signal)
  return transport
}

/** The keys of an instance's queue, by their last part. */
async function queueOf(id: string): Promise<Set<string>> {
  const found = (await server.command('KEYS', `${keys.jobs}:${id}:*`)) as string[]
  return new Set(found.map((key) => key.split(':').at(-1) ?? ''))
}

it('a start that ends does not wait for a worker that cannot connect, and says what it could not reach', async () => {
  const end = new AbortController()
  const waiting = jest.spyOn(Worker.prototype, 'waitUntilReady').mockImplementation(() => {
    end.abort()
    return new Promise(() => {})
  })
  const error = await errorOf(open('a', undefined, undefined, end.signal))
  waiting.mockRestore()
  expect(error).toBeInstanceOf(LeaseholdError)
  expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE', retryable: true })
  expect(error.message).toContain(`127.0.0.1:${server.port}`)
})

it('brings a notice to the instance that it is for, and to no other', async () => {
  const [seen, others]: [RangeNotice[], RangeNotice[]] = [[], []]
  const leader = await open('leader')
  await open('a', async (notice) => void seen.push(notice))
  await open('b', async (notice) => void others.push(notice))
  await leader.push('a', { term: 7, to: 3 })
  await eventually(() => seen.length > 0)
  expect(seen).toEqual([{ term: 7, to: 3 }])
  expect(others).toEqual([])
})

it('hands over one notice at a time, in order', async () => {
  const seen: string[] = []
  const leader = await open('leader')
  await open('a', async ({ to }) => {
    seen.push(`begin ${to}`)
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(`end ${to}`)
  })
  await Promise.all([1, 2, 3].map((to) => leader.push('a', { term: 7, to })))
  await eventually(() => seen.length === 6)
  expect(seen).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
})

it('has the same notice in the queue once', async () => {
  const leader = await open('leader')
  for (let i = 0; i < 3; i++) await leader.push('away', { term: 7, to: 3 })
  expect(await server.command('LLEN', `${keys.jobs}:away:wait`)).toBe(1)
})

it.each([
  ['is done', async () => {}],
  ['failed', () => Promise.reject(new Error('a bug'))],
])('leaves nothing of a job that %s', async (_, receive) => {
  const leader = await open('leader')
  let jobs = 0
  await open('a', async () => {
    jobs++
    await receive()
  })
  for (let to = 1; to <= 5; to++) await leader.push('a', { term: 7, to })
  await eventually(() => jobs === 5)
  const left = await eventually(async () => {
    const parts = await queueOf('a')
    return !parts.has('active') && !parts.has('wait') && parts
  })
  for (const part of ['completed', 'failed', 'delayed', 't7-1', 't7-5']) expect(left).not.toContain(part)
})

it('removes the queue of an instance that is gone', async () => {
  const leader = await open('leader')
  await leader.push('gone', { term: 7, to: 3 })
  expect((await queueOf('gone')).size).toBeGreaterThan(0)
  await leader.remove('gone')
  expect(await queueOf('gone')).toEqual(new Set())
})

it('leaves nothing of a queue whose owner died with a job in hand', async () => {
  const leader = await open('leader')
  const owner = await open('gone', () => new Promise(() => {}))
  for (let to = 1; to <= 3; to++) await leader.push('gone', { term: 7, to })
  await eventually(async () => (await queueOf('gone')).has('active'))
  await leader.remove('gone')
  expect(await queueOf('gone')).toEqual(new Set())
  await owner.close()
  expect(await queueOf('gone')).toEqual(new Set())
})

it('knows whom it has pushed to, until it has removed the queue', async () => {
  const leader = await open('leader')
  for (const id of ['a', 'b']) await leader.push(id, { term: 7, to: 3 })
  await leader.remove('a')
  await leader.remove('never pushed to')
  expect([...leader.pushedTo()]).toEqual(['b'])
  await leader.push('a', { term: 7, to: 4 })
  expect(new Set(leader.pushedTo())).toEqual(new Set(['a', 'b']))
})

it('writes nothing later of what it could not do while Redis was away', async () => {
  const proxy = await startProxy({ targetPort: server.port })
  const leader = await open('leader', undefined, proxy.port)
  await leader.push('known', { term: 7, to: 3 })
  proxy.refuse()
  proxy.reset()
  const outOfReach = ({ message }: Error) => message.includes('out of reach')
  await eventually(() => leader.push('known', { term: 7, to: 4 }).then(() => false, outOfReach))
  await expect(leader.push('new', { term: 7, to: 4 })).rejects.toThrow('out of reach')
  await expect(leader.remove('known')).rejects.toThrow('out of reach')
  expect([...leader.pushedTo()]).toEqual(['known'])
  proxy.accept()
  await eventually(() => leader.push('control', { term: 7, to: 4 }).then(() => true))
  await expect(leader.remove('known')).resolves.toBeUndefined()
  expect(await queueOf('new')).toEqual(new Set())
  expect(await queueOf('known')).toEqual(new Set())
})

it('carries acknowledgements, until they are not wanted any more', async () => {
  const heard: Acknowledgement[] = []
  const [leader, follower] = [await open('leader'), await open('a')]
  const stop = leader.onAcknowledged((acknowledgement) => heard.push(acknowledgement))
  await eventually(() => {
    void follower.acknowledge({ id: 'a', term: 7, index: 3 })
    return heard.length > 0
  })
  expect(heard[0]).toEqual({ id: 'a', term: 7, index: 3 })
  stop()
  heard.length = 0
  void follower.acknowledge({ id: 'a', term: 7, index: 4 })
  const control: Acknowledgement[] = []
  leader.onAcknowledged((acknowledgement) => control.push(acknowledgement))
  await eventually(() => {
    void follower.acknowledge({ id: 'a', term: 7, index: 5 })
    return control.length > 0
  })
  expect(heard).toEqual([])
})

it('what is no acknowledgement breaks nothing', async () => {
  const heard: Acknowledgement[] = []
  const leader = await open('leader')
  leader.onAcknowledged((acknowledgement) => heard.push(acknowledgement))
  await eventually(async () => {
    await server.command('PUBLISH', keys.acknowledgements, 'garbage')
    await server.command('PUBLISH', keys.acknowledgements, JSON.stringify({ id: 'a', term: 7, index: 3 }))
    return heard.length > 0
  })
  expect(heard[0]).toEqual({ id: 'a', term: 7, index: 3 })
})

it('goes on after Redis was away', async () => {
  const seen: number[] = []
  const proxy = await startProxy({ targetPort: server.port })
  const leader = await open('leader')
  await open('a', async ({ to }) => void seen.push(to), proxy.port)
  proxy.reset()
  await leader.push('a', { term: 7, to: 3 })
  await eventually(() => seen.includes(3))
  expect(new Set(seen)).toEqual(new Set([3]))
})

it('removes the own queue when it closes', async () => {
  const transport = await open('a')
  await transport.push('a', { term: 7, to: 3 })
  await transport.close()
  expect(await queueOf('a')).toEqual(new Set())
})

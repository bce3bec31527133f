import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

const NEST = join(__dirname, '../../examples/nest/dist/main.js')

let redis: RedisServer
let group: InstanceGroup

beforeAll(async () => {
  redis = await startRedis()
  group = await startGroup({ redis, script: NEST, ttlMs: 1000 })
})
afterAll(stopAll)

const vote = (instance: Instance, poll: string, body: unknown = { choice: 'yes' }) =>
  instance.request<{ votes: number }>('POST', `/polls/${poll}/votes`, { body })

async function votesAt(instance: Instance, poll: string, position?: string | null): Promise<number> {
  const { body } = await instance.request<{ votes: number }>('GET', `/polls/${poll}/votes/yes`, {
    headers: position ? { 'leasehold-position': position } : {},
  })
  return body.votes
}

async function followers(): Promise<[Instance, Instance]> {
  return (await group.followers()) as [Instance, Instance]
}

it('takes votes at every instance, and shows each to whoever has seen it, at every instance', async () => {
  for (const [i, instance] of group.instances.entries()) {
    const { status, body, headers } = await vote(instance, 'a')
    expect({ status, body }).toEqual({ status: 201, body: { votes: i + 1 } })
    const position = headers.get('leasehold-position')
    for (const other of group.instances) expect(await votesAt(other, 'a', position)).toBe(i + 1)
  }
})

it('the body parsers of Nest come behind the routing: they run on the leader', async () => {
  const leader = await group.leader()
  const { instance } = await leader.status()
  const [follower] = await followers()
  const reply = await fetch(`${follower.url}/polls/a/votes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: '{ "choice": ',
  })
  expect(reply.status).toBe(400)
  expect(reply.headers.get('leasehold-served-by')).toBe(instance.id)
})

it('what a command refuses is 409, what makes no sense is 400, and neither counts', async () => {
  const [follower] = await followers()
  await vote(follower, 'b')
  expect((await follower.request('PUT', '/polls/b/closed')).status).toBe(200)
  const refused = await vote(follower, 'b')
  expect(refused.status).toBe(409)
  expect(refused.body.error?.code).toBe('COMMAND_REJECTED')
  expect((await vote(follower, 'b', { choice: 1 })).status).toBe(400)
  expect(await votesAt(follower, 'b', refused.headers.get('leasehold-position'))).toBe(1)
})

it('votes that arrive at followers outlive the leader, and count once', async () => {
  const leader = await group.leader()
  const [first, second] = await followers()
  let sent = 0
  const enough = new AbortController()
  const voting = [first, second].map(async (instance) => {
    while (!enough.signal.aborted) {
      expect((await vote(instance, 'c')).status).toBe(201)
      sent++
    }
  })
  await eventually(() => sent > 10)
  await leader.kill9()
  const sentBefore = sent
  await eventually(() => sent > sentBefore + 10)
  enough.abort()
  await Promise.all(voting)
  await eventually(async () => (await votesAt(second, 'c')) >= sent)
  expect(await votesAt(await group.leader(), 'c')).toBe(sent)
  await group.add()
})

it('a leader that is told to stop hands over without an error for anybody, and its process ends', async () => {
  const leader = await group.leader()
  const others = await followers()
  const enough = new AbortController()
  let sent = 0
  const voting = others.map(async (instance) => {
    while (!enough.signal.aborted) {
      expect((await vote(instance, 'd')).status).toBe(201)
      sent++
    }
  })
  await eventually(() => sent > 10)
  expect(await leader.terminate()).toEqual({ code: 0, signal: null })
  const sentBefore = sent
  await eventually(() => sent > sentBefore + 10)
  enough.abort()
  await Promise.all(voting)
  expect(await votesAt(await group.leader(), 'd')).toBe(sent)
})

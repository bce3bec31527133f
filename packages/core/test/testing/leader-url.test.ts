import { createTestGroup, type TestGroup, type TestInstance } from '../../src/testing/index.js'
import type { LeaderInfo } from '../../src/events.js'
import type { ReplicatedNode } from '../../src/replicated-node.js'
import { journal } from '../journal.js'

/** So long that nobody learns anything by it in these tests. */
const HEARTBEAT_MS = 20_000
/** A few ways to Redis and back. */
const SOON_MS = 50

type Node = ReplicatedNode<ReturnType<typeof journal.initial>, typeof journal.commands>

let group: TestGroup<Node>
let leader: TestInstance<Node>

beforeEach(async () => {
  group = await createTestGroup({
    stateMachine: journal,
    clock: 'virtual',
    node: { heartbeatMs: HEARTBEAT_MS },
  })
  leader = await group.led()
  await group.until(() => group.instances.every(({ node }) => node.leader?.id === leader.node.id))
})

afterEach(() => group.stop())

/** Where the instances believe that the leader is reached. */
const known = () => group.instances.map(({ node }) => [node.leader?.url, node.leader?.publicUrl])

const all = (...urls: [url: string, publicUrl: string | undefined]) => group.instances.map(() => urls)

it('a leader that gets its URLs late is known by them at once, in the same term', async () => {
  const { term } = leader.node
  const told: (LeaderInfo | undefined)[] = []
  for (const { node } of group.instances) node.on('leaderChanged', (change) => told.push(change.leader))
  leader.node.setUrl('http://a:1', 'https://a')
  const written = leader.node.write('add', 'meanwhile')
  await group.advance(SOON_MS)
  expect(known()).toEqual(all('http://a:1', 'https://a'))
  expect(told).toEqual(
    group.instances.map(() => ({ id: leader.node.id, term, url: 'http://a:1', publicUrl: 'https://a' })),
  )
  expect(await group.settled(written)).toBe(1)
  expect(leader.node.term).toBe(term)

  leader.node.setUrl('http://a:2')
  await group.advance(SOON_MS)
  expect(known()).toEqual(all('http://a:2', 'https://a'))
})

it('nothing is told anew of a leader whose URLs are the same', async () => {
  leader.node.setUrl('http://a:1')
  await group.advance(SOON_MS)
  let told = 0
  for (const { node } of group.instances) node.on('leaderChanged', () => told++)
  leader.node.setUrl('http://a:1')
  await group.advance(SOON_MS)
  expect(told).toBe(0)
})

it('that of a follower is told of none but itself, until it leads', async () => {
  const follower = group.instances.find((instance) => instance !== leader)
  follower?.node.setUrl('http://b:1')
  await group.advance(SOON_MS)
  expect(known().every(([url]) => url === undefined)).toBe(true)
  await group.settled(leader.node.switchover({ to: follower?.node.id ?? '' }))
  await group.advance(SOON_MS)
  expect(known()).toEqual(all('http://b:1', undefined))
})

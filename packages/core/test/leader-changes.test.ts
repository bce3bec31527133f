import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import type { ElectionNode, NodeEvents } from '../src/index.js'
import { electionNode, journalNode, newGroup, stopNodes } from './nodes.js'

let server: RedisServer
let group: string

beforeAll(async () => {
  server = await startRedis()
})
beforeEach(() => {
  group = newGroup()
})
afterEach(stopNodes)
afterAll(stopAll)

type Change = NodeEvents['leaderChanged'][0]

/** A node of the group that runs, and the changes of leader that it tells of. */
async function start(
  name: string,
): Promise<{ node: ElectionNode; changes: [string | undefined, Change['reason']][] }> {
  const node = journalNode({ group, redis: server.url, name })
  const changes: [string | undefined, Change['reason']][] = []
  node.on('leaderChanged', ({ leader, reason }) => changes.push([leader?.id, reason]))
  await node.start()
  return { node, changes }
}

const key = (name: string) => `leasehold:{${group}}:${name}`

it('a change of leader has its reason, on every instance and in the history', async () => {
  const [a, b, c] = [await start('a'), await start('b'), await start('c')]
  expect(a.changes).toEqual([[a.node.id, undefined]])
  const heirOf = async (others: readonly ElectionNode[]) => {
    const heir = await eventually(() => others.find((node) => node.isLeader))
    await eventually(() => others.every((node) => node.leader?.id === heir.id))
    return heir
  }

  await a.node.stop()
  const second = await heirOf([b.node, c.node])
  const fenced = [b, c].find(({ node }) => node === second)
  await server.command('HSET', key('meta'), 'nonce', 'of nobody') // as if another had claimed
  await eventually(() => !second.isLeader)
  const third = await heirOf([b.node, c.node])

  for (const { changes } of [b, c]) {
    const told = changes.filter(([id]) => id !== undefined)
    expect(told.slice(-2)).toEqual([
      [second.id, 'stopped'],
      [third.id, 'fenced'],
    ])
  }
  expect(fenced?.changes).toContainEqual([undefined, 'fenced'])
  await eventually(async () => (await third.groupStatus()).history.length === 3)
  const { history } = await third.groupStatus()
  expect(history.map(({ leader, reason }) => [leader, reason])).toEqual([
    [third.id, 'fenced'],
    [second.id, 'stopped'],
    [a.node.id, undefined],
  ])
  const [time] = (await server.command('TIME')) as [string]
  for (const { atMs, term } of history) {
    expect(Math.abs(atMs - Number(time) * 1000)).toBeLessThan(60_000)
    expect(term).toBeGreaterThan(0)
  }
  expect(history.map(({ recoverMs }) => recoverMs !== undefined)).toEqual([true, true, false])
})

it('a lease that ran out is told as expired', async () => {
  const { node } = await start('a')
  await node.stop()
  await server.command('SET', key('lease'), 'of a process that hangs', 'PX', 300)
  await server.command('HSET', key('meta'), 'leader', 'hanging')
  const next = await start('b')
  expect(next.changes.at(-1)).toEqual([next.node.id, 'expired'])
})

it('the last hundred changes are remembered', async () => {
  const { node } = await start('a')
  await eventually(async () => (await node.groupStatus()).history.length === 1)
  const row = '1700000000000 {"leader":"x","reason":"no reason that we know","term":'
  for (let n = 2; n <= 100; n++) await server.command('HSET', key('changes'), n % 100, `${row}${n}}`)
  await server.command('HSET', key('changes'), 'count', 100)
  await node.stop()
  const next = await start('b')
  await eventually(async () => (await next.node.groupStatus()).history[0]?.leader === next.node.id)
  const { history } = await next.node.groupStatus()
  expect(history).toHaveLength(100)
  expect(history.at(-1)).toEqual({ term: 2, leader: 'x', reason: undefined, atMs: 1_700_000_000_000 })
})

it('when a leader of ten stops, one of the others claims, and terms do not run away', async () => {
  const nodes = Array.from({ length: 10 }, (_, n) =>
    electionNode({ group, redis: server.url, name: `n${n}`, lease: { ttlMs: 10_000 } }),
  )
  await Promise.all(nodes.map((node) => node.start()))
  const leader = () => eventually(() => nodes.find((node) => node.isLeader))
  const changes = async () => Number(await server.command('HGET', key('meta'), 'leaderChanges'))
  const before = await changes()
  for (let stop = 0; stop < 5; stop++) await (await leader()).stop()
  await leader()
  // One claim for each, and one more where two came to the lease in the same moment and the first gave it back.
  expect((await changes()) - before).toBeLessThanOrEqual(2 * 5)
  expect((await changes()) - before).toBeGreaterThanOrEqual(5)
})

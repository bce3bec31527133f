import { createNode, defineStateMachine, type ReplicatedNode } from '../../core/src/index.js'
import { newGroup, stopNodes, track } from '../../core/test/nodes.js'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { leasehold, type Ran, recordIn } from './cli.js'

const RANGE = 64

let redis: RedisServer
let group: string

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
beforeEach(() => {
  group = newGroup()
})
afterEach(stopNodes)
afterAll(stopAll)

/** A command that returns what is the instance's own, as one that calls `Math.random()` does. */
function lotteryOf(chance: number, version = 1) {
  return defineStateMachine({
    name: 'lottery',
    version,
    initial: () => ({ draws: 0 }),
    commands: {
      draw(state) {
        state.draws++
        return chance
      },
    },
  })
}

interface Player {
  readonly chance?: number
  readonly version?: number
  readonly audit?: boolean
}

async function start(name: string, { chance = 0, version = 1, audit = true }: Player = {}) {
  const node = track(
    createNode({
      ...{ group, name, redis: redis.url, lease: { ttlMs: 1000 }, settleMs: 100, startTimeoutMs: 15_000 },
      // By itself nobody publishes, so the leader's own audit, which heals, does not come first.
      ...{ heartbeatMs: 60_000, audit, stateMachine: lotteryOf(chance, version) },
    }),
  )
  await node.start()
  return node
}

async function finishRange(
  leader: Awaited<ReturnType<typeof start>>,
  others: readonly ReplicatedNode<never, never>[],
) {
  await Promise.all(
    Array.from({ length: RANGE - (leader.position.index % RANGE) }, () => leader.write('draw')),
  )
  for (const node of others) await eventually(() => node.position.index === leader.position.index)
}

const verify = (...args: string[]): Promise<Ran> =>
  leasehold(['verify', ...args, '--redis', redis.url, '-g', group])

it('finds a replica that computed something else, where, and who is right', async () => {
  const leader = await start('a')
  const [wrong, other] = [await start('b', { chance: 5 }), await start('c')]
  await finishRange(leader, [wrong, other] as never)
  const ran = await verify('--json')
  expect(ran.code).toBe(1)
  // The leader, which was asked as well, may have found it in the same moment, and have named it.
  const { verdict, differences, named } = recordIn(ran) as {
    verdict: string
    differences: { from: number; to: number; kind: string; sides: string[][]; byMajority: boolean }[]
    named: { id: string; from: number; to: number }[]
  }
  expect(verdict).toBe('differ')
  const alone = differences.filter(({ kind, byMajority }) => kind === 'result' && byMajority)
  const found = [
    ...alone.map(({ from, to, sides }) => ({ from, to, ids: sides[1] })),
    ...named.map(({ id, from, to }) => ({ from, to, ids: [id] })),
  ]
  expect(found).toContainEqual({ from: 1, to: RANGE, ids: [wrong.id] })
  expect((await verify()).out).toContain(`${wrong.id} `)
})

it('says of whom it could compare nothing, and does not call that fine', async () => {
  const leader = await start('a')
  const others = [await start('b', { audit: false }), await start('c', { version: 2 })]
  await finishRange(leader, others as never)
  const ran = await verify()
  expect(ran.code).toBe(2)
  expect(ran.out).toContain('it publishes nothing: its option audit is false')
  expect(ran.out).toContain('its app has version')
  expect(ran.out).toContain('not all replicas could be compared')
})

it('a log that is shorter than a range was not compared at all', async () => {
  const leader = await start('a')
  const other = await start('b')
  await leader.write('draw')
  await eventually(() => other.position.index === 1)
  const ran = await verify()
  expect(ran.code).toBe(2)
  expect(ran.out).toContain('no whole range of entries that another one has spoken of, too')
  expect(ran.out).toContain('Not compared: entries 1 to 1')
})

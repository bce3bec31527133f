import { Redis } from 'ioredis'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import type { ElectionNode, NodeOptions } from '../src/index.js'
import { callScript } from '../src/redis/call-script.js'
import { type Keys, keysOf } from '../src/redis/keys.js'
import { RedlockLeaseStore } from '../src/redis/redlock-lease-store.js'
import { errorOf } from './error-of.js'
import { electionNode, type JournalNode, journalNode, newGroup, stopNodes } from './nodes.js'
import { Signatures, stopSignatures } from './signatures.js'

/** The instances of a test share one event loop: it may stand still for a while, and none may count as gone then. */
const HEARTBEAT_MS = 200
const IN_FLIGHT_MS = 300

let server: RedisServer
let client: Redis
let group: string
let keys: Keys

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url)
})

beforeEach(() => {
  group = newGroup()
  keys = keysOf(group)
})

afterEach(async () => {
  jest.restoreAllMocks()
  await stopSignatures()
  await stopNodes()
})

afterAll(async () => {
  client.disconnect()
  await stopAll()
})

async function start(options: Partial<NodeOptions> = {}): Promise<JournalNode> {
  const node = journalNode({ group, redis: server.url, heartbeatMs: HEARTBEAT_MS, ...options })
  await node.start()
  return node
}

async function startThree(): Promise<[JournalNode, JournalNode, JournalNode]> {
  return [await start(), await start(), await start()]
}

/** What the group believes: the secret in use, the one before and the one to come, and their version. */
async function stored() {
  const [secret, previous, next, version] = await client.hmget(
    keys.meta,
    ...['secret', 'previousSecret', 'nextSecret', 'secretVersion'],
  )
  return { secret, previous, next, changes: Number.parseInt(version ?? '', 10) }
}

const rotate = (node: ElectionNode) => node.rotateSecret({ inFlightMs: IN_FLIGHT_MS })

/** A secret before and a secret after a rotation: nobody believes the old one, all the new one. */
function expectChanged(nodes: readonly ElectionNode[], signed: string): void {
  for (const node of nodes) expect(node.credentials.verify('text', signed)).toBe(false)
  for (const from of nodes) {
    for (const to of nodes) expect(to.credentials.verify('text', from.credentials.sign('text'))).toBe(true)
  }
}

it('nothing that any instance signs is refused by another, during one rotation after the other', async () => {
  const nodes = await startThree()
  const signatures = new Signatures(nodes, IN_FLIGHT_MS / 2).start()
  const secrets = [(await stored()).secret]
  for (const node of nodes) {
    const signed = nodes[0].credentials.sign('text')
    await rotate(node)
    expectChanged(nodes, signed) // at once: the promise says that the old secret is worthless
    const { secret, previous, next } = await stored()
    expect([previous, next]).toEqual(['', ''])
    secrets.push(secret)
  }
  await signatures.stop()
  expect(new Set(secrets).size).toBe(4)
  expect(signatures.refused).toEqual([])
  expect(signatures.checks).toBeGreaterThan(5000)
  expect(signatures.lateChecks).toBeGreaterThan(500)
})

it('works among instances that only elect, and of a lone one', async () => {
  const options = { group, redis: server.url, heartbeatMs: HEARTBEAT_MS }
  const alone = electionNode(options)
  await alone.start()
  const first = alone.credentials.sign('text')
  await rotate(alone)
  expectChanged([alone], first)

  const other = electionNode(options)
  await other.start()
  const second = alone.credentials.sign('text')
  await rotate(other)
  expectChanged([alone, other], second)
})

it('two that rotate at once do it together', async () => {
  const nodes = await startThree()
  const signatures = new Signatures(nodes, IN_FLIGHT_MS / 2).start()
  const signed = nodes[0].credentials.sign('text')
  await Promise.all([rotate(nodes[0]), rotate(nodes[1]), rotate(nodes[1])])
  await signatures.stop()
  expectChanged(nodes, signed)
  expect(await stored()).toMatchObject({ previous: '', next: '', changes: 4 })
  expect(signatures.refused).toEqual([])
})

it('one that begins in the middle of another gets rid of what is in use then, too', async () => {
  const nodes = await startThree()
  const signatures = new Signatures(nodes, IN_FLIGHT_MS / 2).start()
  const first = rotate(nodes[0])
  const old = nodes[1].credentials.sign('text')
  await eventually(async () => (await stored()).previous !== '')
  await eventually(() => nodes[1].credentials.sign('text') !== old)
  const signed = nodes[1].credentials.sign('text')
  await rotate(nodes[1])
  await first
  await signatures.stop()
  expectChanged(nodes, signed)
  expect(await stored()).toMatchObject({ previous: '', next: '', changes: 7 })
  expect(signatures.refused).toEqual([])
})

it('instances that come and go meanwhile are believed from the moment that they know a leader', async () => {
  const nodes = await startThree()
  const signatures = new Signatures(nodes, IN_FLIGHT_MS / 2).start()
  const ended = new AbortController()
  const rotations = (async () => {
    for (let i = 0; i < 3; i++) await rotate(nodes[0])
  })().finally(() => ended.abort())
  const newcomers: JournalNode[] = []
  while (!ended.signal.aborted) {
    const node = journalNode({ group, redis: server.url, heartbeatMs: HEARTBEAT_MS })
    node.once('leaderChanged', () => signatures.add(node)) // only then an adapter has reason to forward something
    await node.start()
    newcomers.push(node)
    const leaving = newcomers.length > 3 ? newcomers.at(-4) : undefined
    await leaving?.stop()
    if (leaving) signatures.remove(leaving)
  }
  await rotations
  await signatures.stop()
  expect(newcomers.length).toBeGreaterThan(3)
  expect(signatures.refused).toEqual([])
})

it('an instance whose start takes longer than a whole rotation is believed all the same', async () => {
  const nodes = await startThree()
  const newcomer = journalNode({ group, redis: server.url, heartbeatMs: HEARTBEAT_MS })
  const signed = nodes[0].credentials.sign('text')
  let signedBefore = ''
  // Between its first join and the moment when others can see it.
  const open = jest.spyOn(RedlockLeaseStore.prototype, 'open').mockImplementationOnce(async function (
    this: RedlockLeaseStore,
    late,
  ) {
    signedBefore = newcomer.credentials.sign('text')
    await rotate(nodes[0])
    return this.open(late)
  })
  const refused: string[] = []
  newcomer.on('leaderChanged', () => {
    const signature = newcomer.credentials.sign('text')
    for (const node of nodes) if (!node.credentials.verify('text', signature)) refused.push(node.name)
  })
  await newcomer.start()
  expect(open).toHaveBeenCalledTimes(2)
  expect(signedBefore).toBe(signed)
  expect(newcomer.leader?.id).toBe(nodes[0].id)
  expect(refused).toEqual([])
})

describe('interrupted after', () => {
  it.each<[string, () => Promise<boolean>, number]>([
    ['step 1', async () => (await stored()).next !== '', 4],
    // The secret in use is new already; whoever calls then wants to be rid of that one.
    ['step 2', async () => (await stored()).previous !== '', 7],
  ])('%s by a stop of the instance, is finished by another one', async (_, reached, changes) => {
    const [rotator, second, third] = await startThree()
    const others = [second, third]
    const signatures = new Signatures(others, IN_FLIGHT_MS / 2).start()
    const old = rotator.credentials.sign('text')
    const rotation = errorOf(rotator.rotateSecret({ inFlightMs: 60_000 }))
    await eventually(reached, { intervalMs: 1 })
    await rotator.stop()
    expect(await rotation).toMatchObject({ code: 'STOPPED' })
    const { previous, next } = await stored()
    expect([previous, next]).not.toEqual(['', ''])
    if (previous !== '') await eventually(() => second.credentials.sign('text') !== old)

    const signed = second.credentials.sign('text')
    await rotate(second)
    await signatures.stop()
    expectChanged(others, old)
    expectChanged(others, signed)
    expect(await stored()).toMatchObject({ previous: '', next: '', changes })
    expect(signatures.refused).toEqual([])
  })
})

describe('an instance that is alive and does not follow', () => {
  /** Somebody who keeps publishing that it knows the secrets of before, as a version without rotation would. */
  function stubborn(): () => void {
    const record = JSON.stringify({ id: 'stubborn', name: 'stubborn', role: 'follower', eligible: false })
    const publish = () => callScript(client, 'publishMember', [keys.members], ['stubborn', record])
    const timer = setInterval(() => void publish(), 20)
    void publish()
    return () => clearInterval(timer)
  }

  it('ends the rotation with its name; all go on, and the next call finishes it', async () => {
    const nodes = await startThree()
    const signatures = new Signatures(nodes, IN_FLIGHT_MS / 2).start()
    const signed = nodes[0].credentials.sign('text')
    const makeItGo = stubborn()
    await eventually(async () => (await client.hexists(keys.members, 'stubborn')) === 1)
    const error = await errorOf(rotate(nodes[1]))
    expect(error).toMatchObject({ code: 'ROTATION_UNFINISHED' })
    expect(error.message).toContain(`within ${30 * HEARTBEAT_MS} ms stubborn did not follow the last step`)
    makeItGo()
    await client.hdel(keys.members, 'stubborn')
    await rotate(nodes[2])
    await signatures.stop()
    expectChanged(nodes, signed)
    expect(signatures.refused).toEqual([])
  })
})

it.each<[string, (redis: RedisServer) => Promise<unknown>]>([
  ['is flushed', (redis) => redis.wipe()],
  [
    'restarts empty',
    async (redis) => {
      await redis.kill()
      await redis.restart()
    },
  ],
])('a rotation in whose middle Redis %s ends well', async (_, lose) => {
  const redis = await startRedis()
  const nodes = [1, 2, 3].map(() => electionNode({ group, redis: redis.url, heartbeatMs: HEARTBEAT_MS }))
  await Promise.all(nodes.map((node) => node.start()))
  const [first] = nodes as [ElectionNode]
  const signatures = new Signatures(nodes, IN_FLIGHT_MS / 2).start()
  const signed = first.credentials.sign('text')
  for (const field of ['nextSecret', 'previousSecret']) {
    const rotation = rotate(first)
    await eventually(async () => (await redis.command('HGET', keys.meta, field)) !== '', { intervalMs: 1 })
    await lose(redis)
    await rotation
  }
  await signatures.stop()
  expectChanged(nodes, signed)
  expect(signatures.refused).toEqual([])
})

it('a secret that was retired stays so, when Redis goes back to a time before', async () => {
  const nodes = await startThree()
  const signed = nodes[0].credentials.sign('text')
  const before = await client.hgetall(keys.meta)
  await rotate(nodes[0])
  const after = await stored()
  const signatures = new Signatures(nodes, IN_FLIGHT_MS / 2).start()
  const { secret = '', previousSecret = '', nextSecret = '', secretVersion = '' } = before
  await client.hset(keys.meta, { secret, previousSecret, nextSecret, secretVersion })
  await eventually(async () => (await stored()).secret === after.secret)
  await signatures.stop()
  expect(await stored()).toEqual({ ...after, changes: after.changes + 1 }) // brought back, which is a change
  expectChanged(nodes, signed)
  expect(signatures.refused).toEqual([])
})

describe('a call that cannot be', () => {
  it('is refused before the start and after the stop', async () => {
    const node = journalNode({ group, redis: server.url })
    await expect(node.rotateSecret()).rejects.toMatchObject({ code: 'NOT_STARTED' })
    await node.start()
    await node.stop()
    await expect(node.rotateSecret()).rejects.toMatchObject({ code: 'STOPPED' })
  })

  it.each([-1, 0.5, Number.NaN, 3_600_001])('is refused with %p ms in flight', async (inFlightMs) => {
    const node = await start()
    const before = await stored()
    const error = await errorOf(node.rotateSecret({ inFlightMs }))
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS' })
    expect(error.message).toContain(`inFlightMs is ${inFlightMs} ms`)
    expect(await stored()).toEqual(before)
  })
})

import { Redis } from 'ioredis'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import type { ElectionNode, NodeOptions, Warning } from '../src/index.js'
import { type Keys, keysOf } from '../src/redis/keys.js'
import { RedisLogStore } from '../src/redis/redis-log-store.js'
import { scripts } from '../src/redis/scripts.generated.js'
import { electionNode, type JournalNode, journalNode, newGroup, stopNodes } from './nodes.js'

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
  await stopNodes()
  await server.wipe()
})

afterAll(async () => {
  client.disconnect()
  await stopAll()
})

const flush = () => server.wipe()

async function restartEmpty(): Promise<void> {
  await server.kill()
  await server.restart()
}

const losses: [string, () => Promise<void>][] = [
  ['is flushed', flush],
  ['restarts empty', restartEmpty],
]

const KINDS: [string, (options: NodeOptions) => ElectionNode][] = [
  ['instances with a state machine', journalNode],
  ['instances that only elect', electionNode],
]

/** Two that have started; the first leads. */
async function pair(make: (options: NodeOptions) => ElectionNode): Promise<[ElectionNode, ElectionNode]> {
  const nodes = [make({ group, redis: server.url }), make({ group, redis: server.url })] as const
  for (const node of nodes) await node.start()
  return [...nodes]
}

async function stored() {
  const { app, formatVersion, secret } = await client.hgetall(keys.meta)
  return { app, formatVersion, secret }
}

/** Whether each believes what the other signs. */
function believeEachOther(...nodes: ElectionNode[]): boolean {
  return nodes.every((from) =>
    nodes.every((to) => to.credentials.verify('text', from.credentials.sign('text'))),
  )
}

describe.each(KINDS)('%s', (_kind, make) => {
  it.each(losses)('bring back what belongs to the group when Redis %s', async (_, lose) => {
    const [a, b] = await pair(make)
    const before = await stored()
    const signed = a.credentials.sign('text')
    expect(before.secret).toBeDefined()
    await lose()
    // Nothing else wakes the survivors: no newcomer, no write.
    await eventually(async () => (await stored()).secret !== undefined)
    expect(await stored()).toEqual(before)
    await eventually(async () => {
      const versions = (await a.groupStatus()).members.map(({ id }) => id)
      return [a.id, b.id].every((id) => versions.includes(id))
    })
    for (const node of [a, b]) expect(node.credentials.sign('text')).toBe(signed)
    expect(believeEachOther(a, b)).toBe(true)
  })

  it.each(losses)('give a newcomer the same secret after Redis %s', async (_, lose) => {
    const [a, b] = await pair(make)
    const signed = a.credentials.sign('text')
    await lose()
    const newcomer = make({ group, redis: server.url, eligible: false })
    // Where the others hold what the log has lost nobody leads, so that a start would take long; it joins all the same.
    const starting = newcomer.start().catch(() => {})
    await eventually(() => newcomer.credentials.verify('text', signed))
    await eventually(() => newcomer.credentials.sign('text') === signed)
    expect(believeEachOther(a, b, newcomer)).toBe(true)
    await newcomer.stop()
    await starting
  })
})

it('the secret of those who were there holds against a fresh one, even if that came into the emptied Redis first', async () => {
  const nodes = await pair(electionNode)
  const before = await stored()
  const signed = nodes[0].credentials.sign('text')
  await client
    .multi()
    .flushall()
    .eval(scripts.join, 1, keys.meta, '', '1', 'a fresh secret', '', '', '', '')
    .exec()
  await eventually(async () => (await stored()).secret !== 'a fresh secret')
  expect(await stored()).toEqual(before)
  await eventually(() => nodes.every((node) => node.credentials.sign('text') === signed))
})

it('a secret that was changed by hand reaches everybody', async () => {
  const [a, b] = await pair(electionNode)
  const signed = a.credentials.sign('text')
  await client.hset(keys.meta, { secret: 'by hand', secretVersion: '9-9' })
  await eventually(() => [a, b].every((node) => !node.credentials.verify('text', signed)))
  expect(believeEachOther(a, b)).toBe(true)
})

describe('a group that belongs to somebody else after Redis was emptied', () => {
  const refusals: [string, string, string[], RegExp][] = [
    ['another application', 'APP_MISMATCH', ['app', 'shop'], /belongs to the application "shop"/],
    ['a newer format', 'VERSION_TOO_OLD', ['formatVersion', '2'], /is stored in format 2/],
  ]

  it.each(refusals)(
    '%s: is warned of once, not taken, and nothing stands still',
    async (_, code, theirs, why) => {
      const joins = jest.spyOn(RedisLogStore.prototype, 'join')
      const node = journalNode({ group, redis: server.url })
      const warnings: Warning[] = []
      node.on('warning', (warning) => warning.code === code && warnings.push(warning))
      await node.start()
      const signed = node.credentials.sign('text')
      const before = joins.mock.calls.length
      await client
        .multi()
        .flushall()
        .hset(keys.meta, ...theirs)
        .exec()

      await eventually(() => joins.mock.calls.length >= before + 5) // tried again and again
      expect(warnings).toHaveLength(1)
      expect(warnings[0]?.message).toMatch(why)
      expect(await client.hget(keys.meta, 'secret')).toBeNull()
      expect(await client.hget(keys.meta, theirs[0] ?? '')).toBe(theirs[1])
      expect(node.credentials.sign('text')).toBe(signed)
      // It has been told by the log that it leads no more, and does not run for a group that is not its own.
      await eventually(
        () => node.status().ineligibleBecause === `Redis has another group in its place (${code})`,
      )
      await eventually(() => !node.isLeader)
      expect(await client.hget(keys.meta, 'logId')).toBeNull()

      await client.del(keys.meta)
      await eventually(async () => (await stored()).secret !== undefined)
      expect(await stored()).toMatchObject({ app: 'journal', formatVersion: '1' })
      expect(warnings).toHaveLength(1)
      await eventually(() => node.isLeader)
    },
  )
})

it('neither heartbeats nor reads nor writes wait for a join that hangs', async () => {
  const [leader, follower] = (await pair(journalNode)) as [JournalNode, JournalNode]
  const hanging = jest.spyOn(RedisLogStore.prototype, 'join').mockReturnValue(new Promise(() => {}))
  await client.hset(keys.meta, 'secretVersion', '9-9')
  await eventually(() => hanging.mock.calls.length === 2) // both have begun one
  for (let i = 1; i <= 20; i++) {
    expect(await leader.write('add', 'a')).toBe(i)
    await eventually(() => follower.position.index === i)
  }
  const heartbeat = async () =>
    Object.values(await client.hgetall(keys.members)).map((record) => Number.parseInt(record, 10))
  const before = await heartbeat()
  for (let i = 0; i < 5; i++) {
    const last = await heartbeat()
    await eventually(async () => (await heartbeat()).every((atMs, n) => atMs > (last[n] ?? Infinity)))
  }
  expect(before).toHaveLength(2)
  expect(hanging).toHaveBeenCalledTimes(2)
})

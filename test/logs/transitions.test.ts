import { inspect } from 'node:util'
import { createNode, defineStateMachine, type Logger } from '@leasehold/core'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

const PASSWORD = 'pass/word with@signs'

/** A line as a logger got it. */
interface Line {
  readonly level: string
  readonly message: string
  readonly event?: string
  readonly [field: string]: unknown
}

let redis: RedisServer
let group: string
let made = 0
const running = new Set<{ stop(): Promise<void> }>()

beforeAll(async () => {
  redis = await startRedis()
})
beforeEach(async () => {
  group = `logs-${++made}`
  await redis.command('ACL', 'SETUSER', 'app', 'reset', 'on', `>${PASSWORD}`, '~*', '&*', '+@all')
})
afterEach(async () => {
  await Promise.all([...running].map((node) => node.stop()))
  running.clear()
})
afterAll(stopAll)

const list = defineStateMachine({
  name: 'list',
  version: 1,
  initial: () => ({ items: [] as string[] }),
  commands: {
    add(state, item: string) {
      return state.items.push(item)
    },
  },
})

/** A node that runs, and all that it logs. */
async function started(name: string) {
  const lines: Line[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, ...fields })
  const logger: Logger = {
    ...{ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
  }
  const node = createNode({
    ...{ group, name, logger, lease: { ttlMs: 5000 }, heartbeatMs: 100, settleMs: 100 },
    redis: `redis://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}`,
    stateMachine: list,
  })
  running.add(node)
  await node.start()
  return { node, lines, told: () => lines.filter(({ level }) => level !== 'debug') }
}

const eventsOf = (lines: readonly Line[]) => lines.map(({ event }) => event)

it('a life in lines: one for each transition, with its reason and its times', async () => {
  const a = await started('a')
  const [persistence, ...born] = a.told()
  expect(persistence).toMatchObject({ event: 'warning', code: 'PERSISTENCE_OFF' })
  expect(born).toEqual([
    expect.objectContaining({ event: 'roleChanged', from: 'stopped', to: 'follower', because: 'started' }),
    expect.objectContaining({ event: 'caughtUp', index: 0 }),
    expect.objectContaining({ event: 'roleChanged', from: 'follower', to: 'candidate' }),
    expect.objectContaining({ event: 'settled', silent: [], ms: expect.any(Number) }),
    expect.objectContaining({ event: 'elected', level: 'info', term: a.node.term, reason: undefined }),
  ])
  for (const line of a.lines) expect(line).toMatchObject({ group, id: a.node.id })

  const b = await started('b')
  await a.node.write('add', 'x')
  await a.node.switchover({ to: 'b' })
  await eventually(() => b.node.isLeader && a.node.leader?.id === b.node.id)
  const afterSwitchover = a.told().slice(1 + born.length)
  expect(eventsOf(afterSwitchover)).toEqual([
    'switchoverBegan',
    'demoted',
    'switchoverHandedOver',
    'leaderChanged',
  ])
  expect(afterSwitchover[1]).toMatchObject({
    level: 'info',
    reason: 'switchover',
    reignMs: expect.any(Number),
  })
  expect(afterSwitchover[3]).toMatchObject({
    ...{ leader: b.node.id, term: b.node.term, before: a.node.id, reason: 'switchover' },
    vacantMs: expect.any(Number),
  })
  const elected = b.told().find(({ event }) => event === 'elected')
  expect(elected).toMatchObject({ before: a.node.id, reason: 'switchover', recoverMs: expect.any(Number) })

  // A leader that another one has followed, and that finds out by itself.
  const term = b.node.term
  const since = b.told().length
  await redis.command('HSET', keysOf(group).meta, 'nonce', 'of nobody')
  await eventually(() => b.told().some(({ event }) => event === 'demoted'))
  expect(b.told().slice(since, since + 2)).toEqual([
    expect.objectContaining({ event: 'fenced', level: 'warn', why: expect.any(String) }),
    expect.objectContaining({ event: 'demoted', level: 'warn', term, reason: 'fenced' }),
  ])
  const leader = await eventually(() => [a, b].find(({ node }) => node.isLeader))
  await eventually(() => leader.told().at(-1)?.event === 'elected')
  expect(leader.told().at(-1)).toMatchObject({ reason: 'fenced' })

  await a.node.pause()
  await eventually(() => [a, b].every(({ lines }) => eventsOf(lines).includes('paused')))
  await a.node.resume()
  await eventually(() => [a, b].every(({ lines }) => eventsOf(lines).includes('resumed')))
  for (const { lines } of [a, b])
    for (const line of lines.filter(({ level }) => level !== 'debug'))
      expect(line.event).toMatch(/^[a-z]+[a-zA-Z]*$/)
})

it('a switchover that fails says why, and a warning its code', async () => {
  const a = await started('a')
  await expect(a.node.switchover({ to: 'nobody' })).rejects.toMatchObject({ reason: 'UNKNOWN_INSTANCE' })
  await eventually(() => eventsOf(a.lines).includes('switchoverFailed'))
  expect(a.lines.find(({ event }) => event === 'switchoverFailed')).toMatchObject({
    ...{ level: 'warn', to: 'nobody', reason: 'UNKNOWN_INSTANCE' },
  })
  a.node.warn('PERSISTENCE_OFF', 'is dubious')
  expect(a.told().at(-1)).toMatchObject({ event: 'warning', code: 'PERSISTENCE_OFF', message: 'is dubious' })
})

it('no line has a password or the secret of the group, whatever Redis refuses', async () => {
  const [a, b] = [await started('a'), await started('b')]
  const keys = keysOf(group)
  const secrets = (await redis.command('HGETALL', keys.meta)) as string[]
  const secret = secrets[secrets.indexOf('secret') + 1] ?? ''
  expect(secret.length).toBeGreaterThan(20)
  // From now on all scripts fail, with errors to which ioredis adds what they were called with: who joins brings the secret.
  await redis.command('ACL', 'SETUSER', 'app', '-evalsha', '-eval')
  await redis.command('CLIENT', 'KILL', 'USER', 'app')
  const errorsOf = ({ lines }: typeof a) => lines.filter(({ err }) => inspect(err).includes('NOPERM'))
  await eventually(() => errorsOf(a).length > 3 && errorsOf(b).length > 3)
  // And then it does not even let them in.
  await redis.command('ACL', 'SETUSER', 'app', 'resetpass', '>another')
  await redis.command('CLIENT', 'KILL', 'USER', 'app')
  const refused = a.lines.length
  await eventually(() => a.lines.length > refused + 3)

  const all = [a, b].flatMap(({ lines }) => lines)
  const text = inspect(all, { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null })
  expect(text).toContain('NOPERM')
  for (const hidden of [PASSWORD, encodeURIComponent(PASSWORD), secret]) expect(text).not.toContain(hidden)
  // Nor what hangs on an error.
  const hung = all.filter(
    ({ err }) => err && Object.keys(err).some((key) => !['code', 'cause'].includes(key)),
  )
  expect(hung).toEqual([])
})

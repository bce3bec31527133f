import { keysOf } from '../../packages/core/src/redis/keys.js'
import { createNode, type LeaseholdError, type NodeOptions } from '@leasehold/core'
import { Redis } from 'ioredis'
import { eventually } from '../support/deadline.js'
import { expectNoOpenHandles, handleSnapshot } from '../support/open-handles.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type DocumentedAcl, documentedAcl, optionalCommands } from './documented-acl.js'
import { GroupLife } from './group-life.js'

/** The group for which the documentation has its rules. */
const GROUP = 'bank'
const log = documentedAcl('log')
const elect = documentedAcl('elect')
const lease = documentedAcl('lease')
const optional = optionalCommands()
/** Redis 7.0 refuses a rule with a subcommand that it does not know. */
const NEWER = '+client|setinfo'

let server: RedisServer
let leaseServer: RedisServer
const lives: GroupLife[] = []

/** What the documentation adds for newer servers, where this is one. */
let added: string[]

beforeAll(async () => {
  ;[server, leaseServer] = await Promise.all([startRedis({ appendOnly: 'everysec' }), startRedis()])
  const known = server.command('ACL', 'SETUSER', 'newer', NEWER)
  added = await known.then(
    () => [NEWER],
    () => [],
  )
})
beforeEach(async () => {
  for (const redis of [server, leaseServer]) {
    await redis.wipe()
    await redis.command('ACL', 'LOG', 'RESET')
    await redis.command('SCRIPT', 'FLUSH') // else nobody has to send a script's text
    await redis.command('CONFIG', 'RESETSTAT')
  }
  jest.spyOn(console, 'warn').mockImplementation(() => {}) // ioredis has something to say of a missing INFO
})
afterEach(async () => {
  jest.restoreAllMocks()
  await Promise.all(lives.splice(0).map((life) => life.stop()))
})
afterAll(stopAll)

/** Makes the user as documented, changed by further rules, and says where it finds its Redis. */
async function asUser(redis: RedisServer, acl: DocumentedAcl, ...changes: string[]): Promise<string> {
  await redis.command('ACL', 'SETUSER', ...acl.args, ...added, ...changes)
  return `redis://${acl.user}:${acl.password}@127.0.0.1:${redis.port}`
}

function lifeAs(surroundings: ConstructorParameters<typeof GroupLife>[0]): GroupLife {
  const life = new GroupLife({ group: GROUP, ...surroundings })
  lives.push(life)
  return life
}

/** What was refused to anybody, as `command on what`. */
async function refusals(redis: RedisServer): Promise<string[]> {
  const entries = (await redis.command('ACL', 'LOG')) as string[][]
  return entries.map(
    (entry) => `${entry[entry.indexOf('object') + 1]} (${entry[entry.indexOf('reason') + 1]})`,
  )
}

/** A server for a test to look into without being counted among those who use it. */
class Counted {
  readonly #redis: RedisServer
  readonly #own = new Map<string, number>()

  constructor(redis: RedisServer) {
    this.#redis = redis
  }

  command(name: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    const key = name.toLowerCase()
    this.#own.set(key, (this.#own.get(key) ?? 0) + 1)
    return this.#redis.command(name, ...args)
  }

  /** The commands that others have used since `CONFIG RESETSTAT`, also from scripts. */
  async used(): Promise<string[]> {
    const stats = String(await this.#redis.command('INFO', 'commandstats'))
    return [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].flatMap(([, name = '', calls]) =>
      Number(calls) > (this.#own.get(name) ?? 0) ? [name] : [],
    )
  }
}

describe('with the documented user', () => {
  it('a group lives its whole life, and uses every command that is allowed', async () => {
    const counted = new Counted(server)
    const life = lifeAs({ redis: await asUser(server, log), server: counted })
    expect((await life.live()).toSorted()).toEqual(life.written.toSorted())
    expect([...life.warnings]).toEqual([])
    expect(await refusals(server)).toEqual([])
    expect(await counted.used()).toEqual(expect.arrayContaining([...log.commands]))
  })

  it('and so it does with the lease on a server of its own', async () => {
    const [counted, countedLease] = [new Counted(server), new Counted(leaseServer)]
    const leaseRedis = await asUser(leaseServer, lease)
    const life = lifeAs({ redis: await asUser(server, log), leaseRedis, server: counted })
    expect((await life.live()).toSorted()).toEqual(life.written.toSorted())
    expect(await refusals(server)).toEqual([])
    expect(await refusals(leaseServer)).toEqual([])
    expect(await countedLease.used()).toEqual(expect.arrayContaining([...lease.commands]))
  })

  it('instances that only elect do so, hand over, and use every command that is allowed', async () => {
    const counted = new Counted(server)
    const options = { group: GROUP, redis: await asUser(server, elect), heartbeatMs: 50 }
    const nodes = ['a', 'b'].map((name) => createNode({ ...options, name, lease: { ttlMs: 1000 } }))
    const warnings: string[] = []
    for (const node of nodes) {
      node.on('warning', ({ code }) => warnings.push(code))
      await node.start()
    }
    const [first, second] = nodes
    expect((await first?.groupStatus())?.members).toHaveLength(2)
    await first?.stop()
    await eventually(() => second?.isLeader)
    const recorded = () => server.command('HLEN', keysOf(GROUP).members)
    await eventually(async () => (await recorded()) === 1, { message: 'the record of the first to be swept' })
    await second?.stop()
    expect(warnings).toEqual([])
    expect(await refusals(server)).toEqual([])
    expect(await counted.used()).toEqual(expect.arrayContaining([...elect.commands]))
  })
})

describe('what may be left out', () => {
  it('are these', () => {
    expect(optional).toEqual(['info', 'config|get', 'client|setname'])
  })

  it('without all of it a group lives its whole life', async () => {
    const redis = await asUser(server, log, ...optional.map((command) => `-${command}`))
    const life = lifeAs({ redis, server })
    expect((await life.live()).toSorted()).toEqual(life.written.toSorted())
    expect([...life.warnings]).toEqual(['INFO_FORBIDDEN', 'CONFIG_FORBIDDEN'])
    const refused = optional.map((command) => `${command} (command)`)
    expect(new Set(await refusals(server))).toEqual(new Set(refused))
  })

  it.each([
    ['info', ['INFO_FORBIDDEN']],
    ['config|get', ['CONFIG_FORBIDDEN']],
    ['client|setname', []],
  ])('without %s alone, the warnings are %j', async (command, warnings) => {
    const life = lifeAs({ redis: await asUser(server, log, `-${command}`), server })
    const node = await life.node('a')
    expect(await node.write('add', 'x')).toBe(1)
    expect([...life.warnings]).toEqual(warnings)
    expect(new Set(await refusals(server))).toEqual(new Set([`${command} (command)`]))
  })

  it.each(optional)('a lease node does without %s', async (command) => {
    const leaseRedis = await asUser(leaseServer, lease, `-${command}`)
    const life = lifeAs({ redis: server.url, leaseRedis, server })
    expect((await life.node('a')).isLeader).toBe(true)
    expect([...life.warnings]).toEqual([])
  })
})

describe('a user with too few permissions', () => {
  async function refusal(options: Pick<NodeOptions, 'redis' | 'lease'>, group = GROUP): Promise<string> {
    const before = handleSnapshot()
    const life = lifeAs({ group, ...options, leaseRedis: options.lease?.redis, server })
    const error = await life.node('a').then(
      () => undefined,
      (reason: LeaseholdError) => reason,
    )
    expect(error).toMatchObject({ code: 'REDIS_FORBIDDEN', retryable: false })
    await expectNoOpenHandles(before)
    return (error as LeaseholdError).message
  }

  const needed = ({ commands }: DocumentedAcl) => commands.filter((command) => !optional.includes(command))
  /** `NOPERM for xadd.`, or what the server says of a command without which nothing can be asked. */
  const naming = (command: string) =>
    new RegExp(String.raw`NOPERM for ${command.replace('|', String.raw`\|`)}\.|NOPERM .*'${command}'`)

  it.each(needed(log))('is told at the start that it lacks %s', async (command) => {
    const message = await refusal({ redis: await asUser(server, log, `-${command}`) })
    expect(message).toMatch(naming(command))
    expect(message).toContain('docs/security.md')
    expect(message).not.toContain(log.password)
  })

  it.each(needed(lease))('is told at the start that it lacks %s on a lease node', async (command) => {
    const redis = await asUser(leaseServer, lease, `-${command}`)
    expect(await refusal({ redis: server.url, lease: { redis } })).toMatch(naming(command))
  })

  it.each(needed(elect))('is told at the start that it lacks %s to elect', async (command) => {
    const redis = await asUser(server, elect, `-${command}`)
    const node = createNode({ group: GROUP, redis })
    await expect(node.start()).rejects.toThrow(naming(command))
  })

  it('is told all at once', async () => {
    const redis = await asUser(server, log, '-xadd', '-zadd', '-pubsub|channels')
    expect(await refusal({ redis })).toContain('NOPERM for pubsub|channels, xadd, zadd.')
  })

  it('is told of keys and channels that are not its own', async () => {
    expect(await refusal({ redis: await asUser(server, log) }, 'other')).toMatch(/NOPERM .*\bkeys?\b/)
    const redis = await asUser(server, log, 'resetchannels')
    expect(await refusal({ redis })).toContain('NOPERM for publish, spublish, ssubscribe, subscribe.')
  })

  it('needs to read the keys and to write them', async () => {
    for (const half of ['%R~', '%W~']) {
      const redis = await asUser(server, log, 'resetkeys', `${half}leasehold:{${GROUP}}:*`)
      expect(await refusal({ redis })).toMatch(/NOPERM .*\bkeys?\b/)
    }
  })
})

describe('the user of one group cannot', () => {
  const mine = `leasehold:{${GROUP}}:mine`
  const other = 'leasehold:{other}:meta'
  let client: Redis

  beforeEach(async () => {
    client = new Redis(await asUser(server, log))
    await server.command('HSET', other, 'term', '7')
  })
  afterEach(() => client.disconnect())

  it.each([
    ['read the keys of another', ['HGETALL', other]],
    ['write them', ['HSET', other, 'term', '8']],
    ['delete them', ['DEL', other]],
    ['do so beside a key of its own', ['DEL', mine, other]],
    ['hear its channels', ['SUBSCRIBE', 'leasehold:{other}:lease-notices']],
    ['speak on them', ['PUBLISH', 'leasehold:{other}:lease-notices', 'vacant']],
    ['list keys', ['KEYS', '*']],
    ['empty the server', ['FLUSHALL']],
    ['set its configuration', ['CONFIG', 'SET', 'appendonly', 'no']],
    ['give itself more rights', ['ACL', 'SETUSER', log.user, 'allkeys']],
    ['listen in', ['MONITOR']],
  ] as [string, [string, ...string[]]][])('%s', async (_, [command, ...args]) => {
    await expect(client.call(command, ...args)).rejects.toThrow('NOPERM')
    expect(await server.command('HGET', other, 'term')).toBe('7')
  })

  it('get around that with a script', async () => {
    const script = `return redis.call('HSET', '${other}', 'term', '8')`
    await expect(client.eval(script, 0)).rejects.toThrow(/NOPERM|ACL failure|can't access/)
    expect(await server.command('HGET', other, 'term')).toBe('7')
  })

  it('but what it may, it may', async () => {
    expect(await client.hset(mine, 'a', 1)).toBe(1)
  })
})

import { journalNode, newGroup, stopNodes } from '../../core/test/nodes.js'
import { keysOf } from '../../core/src/redis/keys.js'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { startProxy } from '../../../test/support/tcp-proxy.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { documentedAcl } from '../../../test/access/documented-acl.js'
import { leasehold, onTerminal, type Ran, recordIn } from './cli.js'

const PASSWORD = 'hush-hush-4711'
const COLOUR = '\u001B['

/** A finding as `--json` has it. */
interface Finding {
  readonly subject: string
  readonly level: string
  readonly found: string
  readonly fix: string | null
}

afterEach(stopNodes)
afterAll(stopAll)

async function doctor(
  url: string,
  group: string,
  ...args: string[]
): Promise<Ran & { levels: Record<string, string>; findings: Finding[] }> {
  const ran = await leasehold(['doctor', '--json', '--redis', url, '-g', group, ...args])
  const { findings } = recordIn(ran) as { findings: Finding[] }
  expect(ran.out + ran.err).not.toContain(PASSWORD)
  const faults = findings.filter(({ level }) => level === 'error' || level === 'warning')
  expect(faults.filter(({ fix }) => !fix)).toEqual([])
  return {
    ...ran,
    findings,
    levels: Object.fromEntries(findings.map(({ subject, level }) => [subject, level])),
  }
}

const foundOn = (findings: Finding[], subject: string) =>
  findings.find((each) => each.subject === subject)?.found

it('a good Redis and a group that is well: all fine, 0, also with the documented user of an instance', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const group = 'bank' // the one that the documented rules are for
  const { args, user, password } = documentedAcl('log')
  await redis.command('ACL', 'SETUSER', ...args)
  const nodes = ['a', 'b', 'c'].map((name) => journalNode({ group, name, redis: redis.url }))
  for (const node of nodes) await node.start()
  // A machine that is busy with other things answers late.
  const slow = new Set(['latency', 'lease-timing'])
  const { code, findings, levels } = await eventually(async () => {
    const found = await doctor(redis.url, group, '--ttl', '10s')
    return found.code === 0 && found
  })
  expect(code).toBe(0)
  expect(findings.filter(({ subject, level }) => level !== 'ok' && !slow.has(subject))).toEqual([])
  expect(levels).toMatchObject({ log: 'ok', leader: 'ok', members: 'ok', options: 'ok', queues: 'ok' })
  expect(foundOn(findings, 'options')).toBe('All instances have lease.ttlMs 1000 and heartbeatMs 100.')

  const limited = await doctor(`redis://${user}:${password}@127.0.0.1:${redis.port}`, group, '--ttl', '10s')
  const others = limited.findings.filter(({ subject, level }) => level !== 'ok' && !slow.has(subject))
  expect(others).toMatchObject([{ subject: 'queues', level: 'skipped' }])
})

it('a bad Redis: each fault is found, and says what to do; in colours only on a terminal', async () => {
  const redis = await startRedis({
    args: [
      ...['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru', '--tcp-keepalive', '0'],
      ...['--client-output-buffer-limit', 'pubsub 4096 2048 1', '--maxclients', '12'],
      ...['--min-replicas-to-write', '1'],
    ],
  })
  await redis.command('ACL', 'SETUSER', 'ops', 'on', `>${PASSWORD}`, '~*', '&*', '+@all')
  await redis.command('CONFIG', 'SET', 'timeout', 1)
  const url = `redis://ops:${PASSWORD}@127.0.0.1:${redis.port}`
  const { code, levels, findings } = await doctor(url, 'bank')
  expect(code).toBe(1)
  expect(levels).toMatchObject({
    version: 'ok',
    eviction: 'error',
    memory: 'ok',
    persistence: 'warning',
    'min-replicas': 'error',
    'idle-timeout': 'error',
    keepalive: 'warning',
    'pubsub-buffer': 'error',
    connections: 'error',
  })
  expect(foundOn(findings, 'eviction')).toContain('allkeys-lru')

  const text = await leasehold(['doctor', '-g', 'bank'], { REDIS_URL: url })
  expect(text.out).toContain('→ CONFIG SET timeout 0.')
  expect(text.out).toMatch(/\d errors, \d warnings/)
  const shown = await onTerminal(['doctor', '-g', 'bank'], '', { REDIS_URL: url })
  const plain = await onTerminal(['doctor', '-g', 'bank'], '', { REDIS_URL: url, NO_COLOR: '1' })
  const without = await onTerminal(['doctor', '-g', 'bank', '--no-color'], '', { REDIS_URL: url })
  expect([text, shown, plain, without].map(({ out }) => out.includes(COLOUR))).toEqual([
    false,
    true,
    false,
    false,
  ])
  for (const { out } of [text, shown, plain]) expect(out).not.toContain(PASSWORD)
})

it('only warnings: 2', async () => {
  const redis = await startRedis()
  const { code, levels } = await doctor(redis.url, 'bank', '--ttl', '1m')
  expect({ code, persistence: levels['persistence'] }).toEqual({ code: 2, persistence: 'warning' })
})

it('a user with too few rights, and a copy that takes no writes', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const { args } = documentedAcl('log')
  await redis.command('ACL', 'SETUSER', ...args, '-xadd', '-zadd')
  const user = args[0] ?? ''
  const password = documentedAcl('log').password
  const limited = await doctor(`redis://${user}:${password}@127.0.0.1:${redis.port}`, 'bank')
  expect(limited.code).toBe(1)
  expect(foundOn(limited.findings, 'access')).toContain('NOPERM for xadd, zadd')

  const copy = await startRedis({
    appendOnly: 'everysec',
    args: ['--replicaof', '127.0.0.1', String(redis.port)],
  })
  const found = await eventually(async () => {
    const { levels } = await doctor(copy.url, 'bank')
    return levels['role'] === 'error' && levels
  })
  expect(found).toMatchObject({ role: 'error' })
})

it('a Redis that is too far away for the times that instances go by', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const proxy = await startProxy({ targetPort: redis.port })
  proxy.delay(15)
  const url = `redis://127.0.0.1:${proxy.port}`
  // A renewal may take a fifth of the lease's time.
  const { code, findings, levels } = await doctor(url, 'bank', '--ttl', '50ms', '--command-timeout', '15ms')
  expect({ code, ...levels }).toMatchObject({ code: 1, latency: 'error', 'lease-timing': 'error' })
  expect(foundOn(findings, 'lease-timing')).toMatch(
    /^lease\.ttlMs 50 \(as given\) gives a renewal 10 ms; it takes \d+ ms/,
  )
})

describe('what a group has in Redis', () => {
  let redis: RedisServer
  let group: string

  beforeAll(async () => {
    redis = await startRedis({ appendOnly: 'everysec' })
  })
  beforeEach(async () => {
    group = newGroup()
    const nodes = [journalNode({ group, redis: redis.url }), journalNode({ group, redis: redis.url })]
    for (const node of nodes) await node.start()
    for (const line of ['1', '2', '3']) await nodes[0]?.write('add', line)
    await stopNodes() // so that nobody puts right what these tests break
  })

  const log = async () => foundOn((await doctor(redis.url, group)).findings, 'log')

  it('an entry that is missing, and one too many', async () => {
    expect(await log()).toMatch(/ends at \d+, entries 1 to \d+; all keys agree/)
    const { log: key, meta } = keysOf(group)
    const head = Number(await redis.command('HGET', meta, 'head'))
    await redis.command('XADD', key, `${head + 1}-0`, '1:1', '{}')
    expect(await log()).toContain(`there are entries behind ${head}`)
    await redis.command('XDEL', key, `${head + 1}-0`, `${head}-0`)
    expect(await log()).toContain(`entry ${head}, at which the log ends, is missing`)
    await redis.command('XDEL', key, '1-0')
    expect(await log()).toContain('the entries 1 to 1 are missing')
  })

  it('a table of terms that does not fit, and a snapshot that is gone', async () => {
    const { meta } = keysOf(group)
    await redis.command('HSET', meta, 'headTerm', '7', 'snapshot', 'lost', 'snapshotIndex', '1')
    const found = await log()
    expect(found).toContain('is of term 7, the table of terms says')
    expect(found).toContain('the snapshot at 1 is missing')
  })

  it('a queue that nobody knows', async () => {
    await redis.command('HSET', `${keysOf(group).jobs}:stranger-0123456789:meta`, 'opts', '1')
    const { findings, levels } = await doctor(redis.url, group)
    expect(levels).toMatchObject({ queues: 'warning', leader: 'warning' })
    expect(foundOn(findings, 'queues')).toContain('stranger-0123456789')
  })
})

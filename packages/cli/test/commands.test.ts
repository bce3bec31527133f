import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type JournalNode, journalNode, newGroup, stopNodes } from '../../core/test/nodes.js'
import { keysOf } from '../../core/src/redis/keys.js'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { leasehold, onTerminal, type Ran, recordIn, startLeasehold } from './cli.js'

const PASSWORD = 'hush-hush-4711'
/** So that nobody leads but by order, however busy the machine is. */
const PATIENT = { lease: { ttlMs: 10_000 }, hangAfterMs: false } as const

let redis: RedisServer
let url: string
let group: string
let nodes: JournalNode[]

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
  await redis.command('ACL', 'SETUSER', 'ops', 'on', `>${PASSWORD}`, '~*', '&*', '+@all')
  url = `redis://ops:${PASSWORD}@127.0.0.1:${redis.port}`
  group = newGroup()
  nodes = ['a', 'b', 'c'].map((name) => journalNode({ group, name, redis: redis.url, ...PATIENT }))
  for (const node of nodes) await node.start()
})
afterAll(async () => {
  await stopNodes()
  await stopAll()
})

const leader = () => eventually(() => nodes.find((node) => node.isLeader), { message: 'a leader' })

/** Every run of these tests: nothing that it writes may show the password. */
async function run(...args: string[]): Promise<Ran> {
  const ran = await leasehold([...args, '--redis', url, '--group', group])
  expect(ran.out + ran.err).not.toContain(PASSWORD)
  return ran
}

it('status: a table, and the same as JSON in the documented shape', async () => {
  const { id } = await leader()
  const table = await run('status')
  expect(table).toMatchObject({ code: 0, err: '' })
  const [title, , head, , ...rows] = table.out.split('\n')
  expect(title).toMatch(new RegExp(`^Group ${group}: led by ${id}, term \\d+, head \\d+$`))
  expect(head?.split('|').map((cell) => cell.trim())).toEqual([
    '',
    'Member',
    'Url',
    'Role',
    'State',
    'Term',
    'Applied',
    'Lag',
    'Lag ms',
    'Load',
    'Version',
    'Tags',
    '',
  ])
  expect(rows.filter((row) => row.includes('running'))).toHaveLength(3)
  expect(rows.find((row) => row.includes(id))).toContain('leader')

  const record = recordIn(await run('status', '--json'))
  expect(Object.keys(record)).toEqual([
    ...['group', 'redis', 'logId', 'leader', 'lastLeader', 'term', 'head', 'leaderChanges', 'paused'],
    ...['pauseLeftMs', 'inconsistency', 'times', 'members'],
  ])
  expect(record).toMatchObject({ group, redis: redis.url, leader: { id, url: null }, pauseLeftMs: null })
  const [member] = record['members'] as object[]
  expect(Object.keys(member ?? {})).toEqual([
    ...['id', 'name', 'url', 'publicUrl', 'role', 'state', 'halted', 'alive', 'eligible', 'priority', 'term'],
    ...['appliedIndex', 'lagEntries', 'lagMs', 'load', 'appVersion', 'silentMs'],
  ])
})

it('status --watch goes on, line by line where there is no terminal, also over a restart of Redis', async () => {
  const own = await startRedis({ appendOnly: 'everysec' })
  await own.command('HSET', keysOf('quiet').meta, 'logId', 'x', 'term', '1')
  const seen: string[] = []
  const args = ['status', '--watch', '50ms', '--json', '--redis', own.url, '-g', 'quiet']
  const watching = await startLeasehold(args, (line) => seen.push(line))
  await eventually(() => seen.length >= 3)
  await own.kill()
  await eventually(() => watching.stderr().includes('Redis did not answer'))
  await own.restart()
  const before = seen.length
  await eventually(() => seen.length > before)
  await watching.kill9()
  expect(JSON.parse(seen.at(-1) ?? '')).toMatchObject({ group: 'quiet', leader: null })
})

it('without --group the only one is taken, and of several all are named', async () => {
  const alone = await leasehold(['status', '--json', '--redis', url])
  expect(recordIn(alone)).toMatchObject({ group })
  await redis.command('HSET', keysOf('second').meta, 'logId', 'x')
  const two = await leasehold(['status'], { REDIS_URL: url })
  expect(two).toMatchObject({ code: 64, out: '' })
  expect(two.err).toContain(`${group}, second`)
  expect(two.err).not.toContain(PASSWORD)
  const named = await leasehold(['status', '--json'], { REDIS_URL: url, LEASEHOLD_GROUP: group })
  expect(recordIn(named)).toMatchObject({ group })
  await redis.command('DEL', keysOf('second').meta)
})

it('a group that nobody has joined: 66', async () => {
  for (const command of ['status', 'pause', 'resume', 'log', 'verify'])
    expect(await leasehold([command, '-g', 'nobody', '--redis', url])).toMatchObject({ code: 66, out: '' })
})

it('log: entries decoded, from an index on, and what follows', async () => {
  const writer = await leader()
  for (const line of ['one', 'two', 'x'.repeat(400)]) await writer.write('add', line)
  const last = writer.position.index
  const lines = (await run('log', '-n', '3')).out.trimEnd().split('\n')
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(new RegExp(`^${last - 2}  \\d+  \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z  add  "one"$`))
  expect(lines[2]).toMatch(/x…$/)
  expect((await run('log', '-n', '1', '--full')).out).toContain('x'.repeat(400))

  const record = recordIn(await run('log', '--json', '--from', String(last - 1), '--limit', '1'))
  expect(Object.keys(record)).toEqual([
    'index',
    'term',
    'timeMs',
    'time',
    'command',
    'args',
    'version',
    'opId',
  ])
  expect(record).toMatchObject({
    index: last - 1,
    term: writer.term,
    command: 'add',
    args: 'two',
    version: 1,
  })

  const seen: { index: number; args: string }[] = []
  const from = ['--from', String(last)]
  const args = ['log', '--follow', '--json', ...from, '--redis', url, '-g', group]
  const following = await startLeasehold(args, (line) => seen.push(JSON.parse(line) as (typeof seen)[number]))
  await eventually(() => seen.length === 1)
  await writer.write('add', 'later')
  await eventually(() => seen.length === 2)
  await following.kill9()
  expect(seen.map(({ index }) => index)).toEqual([last, last + 1])
  expect(seen[1]?.args).toBe('later')
})

it('log: what is not there yet is no loss', async () => {
  const writer = await leader()
  const { index } = writer.position
  const ran = await run('log', '--from', String(index + 3))
  expect(ran).toMatchObject({ code: 0, out: '' })
  expect(ran.err).toContain(`The log ends at ${index}.`)

  const seen: number[] = []
  const args = ['log', '--follow', '--json', '--from', String(index + 3), '--redis', url, '-g', group]
  const following = await startLeasehold(args, (line) => {
    seen.push((JSON.parse(line) as { index: number }).index)
  })
  for (const line of ['one', 'two', 'three', 'four']) await writer.write('add', line)
  await eventually(() => seen.length === 2)
  await following.kill9()
  expect(seen).toEqual([index + 3, index + 4])
})

it('switchover moves the lead under writes, of which none is lost, and says who leads and how long it took', async () => {
  const from = await leader()
  const to = nodes.find((node) => node !== from) as JournalNode
  const written: string[] = []
  const before = from.read(({ lines }) => lines.length)
  const writing = new AbortController()
  const write = async (client: number) => {
    for (let n = 0; !writing.signal.aborted; n++) {
      const line = `${client}-${n}`
      // Refused means not written: the same line goes to whoever leads then.
      while (!(await (await leader()).write('add', line).then(() => true, refused)));
      written.push(line)
    }
  }
  const writers = [1, 2, 3, 4].map(write)
  await eventually(() => written.length > 50)
  const record = recordIn(await run('switchover', '--to', to.status().name, '--yes', '--json'))
  expect(record).toMatchObject({ group, from: { id: from.id }, leader: { id: to.id } })
  expect(record['tookMs']).toBeLessThan(5000)
  expect({ to: to.isLeader, from: from.isLeader }).toEqual({ to: true, from: false })
  const so = written.length
  await eventually(() => written.length > so + 50)
  writing.abort()
  await Promise.all(writers)
  for (const node of nodes) {
    await eventually(() => node.position.index === to.position.index)
    expect(node.read(({ lines }) => lines.slice(before)).toSorted()).toEqual(written.toSorted())
  }

  const { changes } = recordIn(await run('history', '--json')) as {
    changes: { reason: string; leader: string; at: string }[]
  }
  expect(changes[0]).toMatchObject({ leader: to.id, reason: 'switchover' })
  expect(Object.keys(changes[0] ?? {})).toEqual(['term', 'leader', 'reason', 'atMs', 'recoverMs', 'at'])
  const table = await run('history', '--limit', '1')
  expect(table.out).toMatch(new RegExp(`\\| ${to.id} +\\| switchover \\| +\\d+ ms \\|`))
})

/** Only for what was surely not written. */
function refused(error: { code: string }): boolean {
  expect(error.code).toBe('NOT_LEADER')
  return false
}

it('switchover is not done unless somebody is sure', async () => {
  const { id, term } = await leader()
  const refusal = await run('switchover')
  expect(refusal).toMatchObject({ code: 64, out: '' })
  expect(refusal.err).toContain('--yes')
  const asked = await onTerminal(['switchover', '--redis', url, '-g', group], 'n\n')
  expect(asked.code).toBe(1)
  expect(asked.out).toContain(
    `Hand leadership of group ${group} from ${id} to the best other instance? [y/N]`,
  )
  expect(asked.out).toContain('Nothing was done.')
  expect((await leader()).term).toBe(term)
  const left = await onTerminal(['switchover', '--redis', url, '-g', group], '\u0004')
  expect(left.code).toBe(1)
  expect(left.out).toContain('Nothing was done.')
  expect((await leader()).term).toBe(term)
  const said = await onTerminal(['switchover', '--redis', url, '-g', group], 'y\n')
  expect(said).toMatchObject({ code: 0 })
  expect((await leader()).id).not.toBe(id)
})

it('switchover says why it was refused', async () => {
  const unknown = await run('switchover', '--to', 'nobody', '--force', '--json')
  expect(unknown).toMatchObject({ code: 1, out: '' })
  expect(JSON.parse(unknown.err)).toMatchObject({
    error: { code: 'SWITCHOVER_FAILED', reason: 'UNKNOWN_INSTANCE' },
  })
  expect(await run('switchover', '--to', 'not a name', '--yes')).toMatchObject({ code: 64 })
  await redis.command('HSET', keysOf(group).meta, 'switchover', 'another', 'switchoverOutcome', '')
  await redis.command('HSET', keysOf(group).meta, 'switchoverUntil', String(Date.now() + 60_000))
  // The leader takes it for one of an instance, and carries it out; it is under way only until then.
  const second = await run('switchover', '--yes')
  expect([0, 75]).toContain(second.code)
})

it('verify: all replicas are the same, and it says what it did not compare', async () => {
  const writer = await leader()
  await Promise.all(Array.from({ length: 70 }, (_, n) => writer.write('add', `v${n}`)))
  const ran = await run('verify', '--json')
  const record = recordIn(ran) as { verdict: string; replicas: { comparedTo: number; fresh: boolean }[] }
  expect(ran.code).toBe(0)
  expect(record).toMatchObject({ group, verdict: 'same', differences: [], named: [] })
  const end = writer.position.index - (writer.position.index % 64)
  expect(record.replicas.map(({ comparedTo, fresh }) => ({ comparedTo, fresh }))).toEqual(
    Array.from({ length: 3 }, () => ({ comparedTo: end, fresh: true })),
  )
  const { out } = await run('verify')
  expect(out).toContain('No difference found.')
  expect(out.includes(`Not compared: entries ${end + 1} to ${writer.position.index}`)).toBe(
    writer.position.index > end,
  )
})

it('nobody leads: 75, and status says who led last', async () => {
  const lonely = newGroup()
  const [node] = [journalNode({ group: lonely, name: 'gone', redis: redis.url })]
  await node?.start()
  await node?.stop()
  const at = ['--redis', url, '-g', lonely]
  const shown = await leasehold(['status', ...at])
  expect(shown).toMatchObject({ code: 75, err: '' })
  expect(shown.out).toContain(`nobody leads; ${node?.id} led last`)
  expect(shown.out).toContain('stopped')
  expect(await leasehold(['switchover', '--yes', ...at])).toMatchObject({ code: 75, out: '' })
})

it('Redis is down, or does not answer: 69, soon', async () => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const { port } = mute.address() as AddressInfo
  const startedMs = performance.now()
  const runs = await Promise.all([
    leasehold(['status', '-g', group, '--redis', `redis://ops:${PASSWORD}@127.0.0.1:1`]),
    leasehold(['doctor', '--timeout', '1s', '--redis', `redis://:${PASSWORD}@127.0.0.1:${port}`]),
    leasehold([
      'log',
      '-g',
      group,
      '--timeout',
      '1s',
      '--redis',
      `redis://ops:${PASSWORD}x@127.0.0.1:${redis.port}`,
    ]),
  ])
  mute.close()
  expect(performance.now() - startedMs).toBeLessThan(8000)
  for (const ran of runs) {
    expect(ran).toMatchObject({ code: 69, out: '' })
    expect(ran.err).not.toContain(PASSWORD)
  }
  expect(runs[0]?.err).toContain('redis://127.0.0.1:1 cannot be reached: connect ECONNREFUSED')
  expect(runs[2]?.err).toContain('WRONGPASS')
})

it('a user that may not: 77, and it says what', async () => {
  await redis.command('ACL', 'SETUSER', 'guest', 'on', `>${PASSWORD}`, '~*', '&*', '+@read', '+info')
  const ran = await leasehold([
    'status',
    '-g',
    group,
    '--redis',
    `redis://guest:${PASSWORD}@127.0.0.1:${redis.port}`,
  ])
  expect(ran).toMatchObject({ code: 77, out: '' })
  expect(ran.err).toMatch(/NOPERM.*'eval(sha)?'/)
  expect(ran.err).not.toContain(PASSWORD)
})

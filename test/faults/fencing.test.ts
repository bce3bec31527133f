import { once } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { callOf, LedgerGroup, LOG_ALL, type Member, scriptsRun } from './ledger-group.js'
import { LedgerProcesses } from './ledger-process.js'
import { readLog, replicasEqualLog } from './ledger.js'

let redis: RedisServer
let group: LedgerGroup

beforeAll(async () => {
  redis = await startRedis({ args: LOG_ALL })
})
beforeEach(() => {
  group = new LedgerGroup(redis)
})
afterEach(() => group.stop())
afterAll(stopAll)

/** A leader and the one that will be the next. No command of theirs times out before the lease does. */
async function leaderAndHeir(ttlMs: number, heartbeatMs = 200): Promise<[Member, Member]> {
  const options = { ttlMs, heartbeatMs, commandTimeoutMs: 8_000 }
  return [await group.add('old', options), await group.add('heir', options)]
}

/** Has the old leader send an append that gets stuck on the way, and waits until the heir has claimed. */
async function appendStuckUntilHeirLeads([old, heir]: [Member, Member], item: string) {
  const stuck = old.log.holdWhen('toServer', callOf('append'))
  const answer = old.write(item)
  await stuck
  old.lease.halfOpen()
  await heir.leads()
  return { answer }
}

async function itemsInLog(): Promise<string[]> {
  return (await readLog(redis, group.name)).map(({ item }) => item)
}

it('G2: refuses an append as FENCED that was under way while another instance claimed', async () => {
  const [old, heir] = await leaderAndHeir(500)
  const { term } = old.node
  await old.write('before')
  const { answer } = await appendStuckUntilHeirLeads([old, heir], 'stale')
  expect(await heir.write('by the heir')).toMatchObject({ code: 'OK', place: 2 })

  old.log.release()
  const fenced = new RegExp(`FENCED \\(term ${heir.node.term}\\)`)
  expect(await answer).toEqual({ code: 'NOT_LEADER', message: expect.stringMatching(fenced) })
  expect(old.happened).toEqual([
    { event: 'elected', term },
    { event: 'demoted', term, reason: 'expired' },
  ])
  expect(await itemsInLog()).toEqual(['before', 'by the heir'])
  await replicasEqualLog(redis, group.name, group.members)
})

it('G2: a leader that still believes in its lease learns from FENCED that it is deposed', async () => {
  const [old, heir] = await leaderAndHeir(10_000, 60_000) // its append is to find out, not its heartbeat
  const { term } = old.node
  const demoted = once<[{ reason: string }]>(old.node, 'demoted')
  // As if the lease's node had lost its data: the lease is free, and its holder has no way to know.
  await redis.command('DEL', group.keys.lease)
  await redis.command('PUBLISH', group.keys.leaseNotices, 'vacant')
  await heir.leads()
  expect(old.node.isLeader).toBe(true)

  expect(await old.write('stale')).toMatchObject({
    code: 'NOT_LEADER',
    message: expect.stringMatching('FENCED'),
  })
  expect(await demoted).toEqual([{ term, reason: 'fenced' }])
  await heir.write('by the heir')
  expect(await itemsInLog()).toEqual(['by the heir'])
  await replicasEqualLog(redis, group.name, group.members)
})

it('G2, G3: refuses an append that arrives long after its socket was closed, and its caller was told so', async () => {
  const [old, heir] = await leaderAndHeir(500)
  const { answer } = await appendStuckUntilHeirLeads([old, heir], 'stale')
  old.log.detachHeld()
  expect(await answer).toMatchObject({ code: 'NOT_LEADER', message: expect.stringMatching('replaced') })
  await heir.write('by the heir')

  await redis.command('SLOWLOG', 'RESET')
  await old.log.deliverHeld()
  expect(await scriptsRun(redis)).toContainEqual(expect.stringContaining('stale'))
  expect(await itemsInLog()).toEqual(['by the heir'])
  old.reconnect()
  await replicasEqualLog(redis, group.name, group.members)
})

it('G2: a leader process that wakes after its lease writes nothing stale, ten times over', async () => {
  const processes = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: 500 } })
  let [leader, other] = [await processes.add('a'), await processes.add('b')]
  const acknowledged: string[] = []
  for (let wake = 0; wake < 10; wake++) {
    const { term } = await leader.leads()
    await leader.program.pause()
    const answers = ['first', 'second'].map((item) => leader.write(`${item} at wake-up ${wake}`))
    const next = await other.leads()
    expect(next.term).toBeGreaterThan(term)
    leader.program.resume()

    for (const answer of await Promise.all(answers)) expect(answer.code).toBe('NOT_LEADER')
    expect((await leader.look()).happened.at(-1)).toEqual({ event: 'demoted', term, reason: 'expired' })
    expect(await other.write(`${wake}`)).toMatchObject({ code: 'OK' })
    acknowledged.push(`${wake}`)
    ;[leader, other] = [other, leader]
  }
  const log = await replicasEqualLog(redis, processes.name, [leader, other])
  expect(log.map(({ item }) => item)).toEqual(acknowledged)
})

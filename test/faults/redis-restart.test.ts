import { freePort } from '../support/free-port.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { LedgerGroup, termConnection } from './ledger-group.js'
import { LedgerProcesses } from './ledger-process.js'
import { problemsOf, readLog, replicasEqualLog, startWriters } from './ledger.js'

let redis: RedisServer
let group: LedgerGroup

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'always' })
})
beforeEach(() => {
  group = new LedgerGroup(redis)
})
afterEach(() => group.stop())
afterAll(stopAll)

it('G4: a Redis that syncs every write keeps all that was acknowledged through kill -9, three times', async () => {
  for (const name of ['a', 'b', 'c']) await group.add(name)
  const writers = startWriters(() => group.members)
  for (let kill = 1; kill <= 3; kill++) {
    const acknowledged = writers.acknowledged
    await eventually(() => writers.acknowledged > acknowledged + 100, { message: 'writes to go on' })
    await redis.kill()
    await eventually(() => !group.members.some(({ node }) => node.isLeader), {
      message: 'the end of the term',
    })
    await redis.restart()
    await group.leader()
  }
  const acknowledged = writers.acknowledged
  await eventually(() => writers.acknowledged > acknowledged + 100, { message: 'writes to go on' })

  const history = await writers.stop()
  const log = await replicasEqualLog(redis, group.name, group.members)
  expect(problemsOf(history, log)).toEqual([])
})

it('G2: a term does not outlive REPLICAOF there and back, though its connection does', async () => {
  const leader = await group.add('leader', { ttlMs: 10_000, heartbeatMs: 60_000 })
  const { term } = leader.node
  await leader.write('before')
  const before = await replication()
  // In one transaction, as nobody may meet the replica that it is in between: that one would refuse all writes.
  await redis.command('MULTI')
  await redis.command('REPLICAOF', '127.0.0.1', await freePort())
  await redis.command('REPLICAOF', 'NO', 'ONE')
  await redis.command('EXEC')
  const after = await replication()
  expect(after.connection).toBe(before.connection)
  expect(after.claim).toEqual(before.claim)
  expect(after.id).not.toBe(before.id)

  const fenced = await leader.write('under the old id')
  expect(fenced).toMatchObject({
    code: 'NOT_LEADER',
    message: expect.stringMatching('FENCED \\(another repl'),
  })
  const next = await leader.leads()
  expect(leader.happened).toEqual([
    { event: 'elected', term },
    { event: 'demoted', term, reason: 'fenced' },
    { event: 'elected', term: next },
  ])
  expect(await leader.write('under a new claim')).toMatchObject({ code: 'OK', place: 2, term: next })
  expect((await readLog(redis, group.name)).map(({ item }) => item)).toEqual(['before', 'under a new claim'])

  /** What a term rests on: its connection, the claim as stored, and the server's replication id. */
  async function replication() {
    const connection = await termConnection(redis, group.name, leader.name)
    const claim = await redis.command('HMGET', group.keys.meta, 'term', 'nonce')
    const id = /^master_replid:(\w+)/m.exec(String(await redis.command('INFO', 'replication')))?.[1]
    return { connection, claim, id }
  }
})

it('G4: nobody builds on a log that has lost what an instance still holds, however often they try', async () => {
  const forgetful = await startRedis()
  group = new LedgerGroup(forgetful)
  const keeper = await group.add('keeper', { onRedisDataLoss: 'halt' })
  const other = await group.add('other', { onRedisDataLoss: 'halt' })
  await keeper.write('saved')
  await eventually(() => other.node.position.index === 1, { message: 'the first write to be copied' })
  await forgetful.command('SAVE')
  other.log.hold('toServer')
  other.log.swallowReplies() // what it is told of, too
  expect(await keeper.write('not saved')).toMatchObject({ code: 'OK' })
  let refused = 0
  other.node.on('warning', ({ code }) => (refused += code === 'LOG_LOST' ? 1 : 0))
  await forgetful.restart()
  expect((await readLog(forgetful, group.name)).map(({ item }) => item)).toEqual(['saved'])

  expect(other.node.position.index).toBe(1)
  other.log.release()
  other.log.heal()
  const tried = () => refused >= 2 || other.happened.length > 0
  await eventually(tried, { message: 'two attempts to lead' })
  expect(other.happened).toEqual([])
  expect((await keeper.ledger()).items).toEqual(['saved', 'not saved'])
})

it('a connection that breaks again while it subscribes anew does not end the process', async () => {
  const way = await startProxy({ targetPort: redis.port })
  const processes = new LedgerProcesses({ redis: `redis://127.0.0.1:${way.port}` })
  const member = await processes.add('a')
  for (let time = 1; time <= 2; time++) {
    const again = way.cutWhen('toServer', (chunk) => /\r\nsubscribe\r\n/i.test(chunk.toString('latin1')))
    way.reset()
    await Promise.race([again, member.program.exited])
    await member.look()
  }
  await member.leads()
  expect(await member.write('still there')).toMatchObject({ code: 'OK' })
})

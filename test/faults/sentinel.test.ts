import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { Sentinels } from '../support/sentinels.js'
import { stopAll } from '../support/stop-all.js'
import {
  levelled,
  moreWrites,
  problemsHeld,
  problemsOf,
  replicasEqualLog,
  shutCopiesOut,
  startWriters,
} from './ledger.js'
import { LedgerProcesses } from './ledger-process.js'

afterEach(stopAll)

it('a failover of Redis that loses nothing: leadership is claimed anew there, and writes go on', async () => {
  const old = await startRedis({ appendOnly: 'always' })
  const copies = await Promise.all(
    [1, 2].map(() =>
      startRedis({ appendOnly: 'always', args: ['--replicaof', '127.0.0.1', String(old.port)] }),
    ),
  )
  await eventually(async () => Number(await old.command('WAIT', 2, 100)) === 2, { message: 'both copies' })
  const sentinels = await Sentinels.watchOver(old, 2)

  const processes = new LedgerProcesses({ redis: sentinels.redis, lease: { ttlMs: 1000 } })
  const members = await Promise.all(['a', 'b', 'c'].map((name) => processes.add(name)))
  const before = startWriters(() => members)
  await moreWrites(before)
  const first = await before.stop()
  expect(await old.command('WAIT', 2, 5000)).toBe(2) // what only the old one had would be lost with it
  await old.kill()

  const successor = await eventually(async () => {
    const found = await sentinels.present()
    return copies.find((copy) => copy.port === found)
  })
  const after = startWriters(() => members, 6, 'after-')
  await moreWrites(after)
  const second = await after.stop()

  const log = await replicasEqualLog(successor, processes.name, members)
  expect(problemsOf([...first, ...second], log)).toEqual([])
  const terms = new Set(log.map(({ term }) => term))
  expect(terms.size).toBeGreaterThan(1) // a term does not outlive the server that granted it
}, 120_000)

it('a failover of Redis to a copy that lacks the last writes: the instances put them back (G4, G7)', async () => {
  const old = await startRedis({ appendOnly: 'always' })
  const copy = await startRedis({
    appendOnly: 'always',
    args: ['--replicaof', '127.0.0.1', String(old.port)],
  })
  await eventually(async () => Number(await old.command('WAIT', 1, 100)) === 1, { message: 'the copy' })
  const sentinels = await Sentinels.watchOver(old, 1)

  const processes = new LedgerProcesses({ redis: sentinels.redis, lease: { ttlMs: 1000 } })
  const members = await Promise.all(['a', 'b', 'c'].map((name) => processes.add(name)))
  const before = startWriters(() => members)
  await moreWrites(before)
  await shutCopiesOut(old)
  await moreWrites(before)
  const first = await before.stop()
  await levelled(members)
  const headOf = async (server: RedisServer) =>
    Number(await server.command('HGET', `leasehold:{${processes.name}}:meta`, 'head'))
  expect(await headOf(copy)).toBeLessThan((await headOf(old)) - 40) // or nothing would be lost
  await old.kill()

  await eventually(async () => (await sentinels.present()) === copy.port, {
    message: 'the copy to take over',
  })
  const after = startWriters(() => members, 6, 'after-')
  await moreWrites(after)
  const history = [...first, ...(await after.stop())]
  expect(await problemsHeld(history, members)).toEqual([])
}, 120_000)

it.each([
  ['a server that would go on alone is warned of', '0', true],
  ['one that would not is fine', '1', false],
])('%s: min-replicas-to-write is %s', async (_, least, isWarnedOf) => {
  const server = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  const copy = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] })
  await eventually(async () => Number(await server.command('WAIT', 1, 100)) === 1, { message: 'the copy' })
  await server.command('CONFIG', 'SET', 'min-replicas-to-write', least)
  const { redis } = await Sentinels.watchOver(server, 1)
  const member = await new LedgerProcesses({ redis }).add('a')
  const codes = (await member.look()).warnings.map(({ code }) => code)
  expect(codes.includes('MIN_REPLICAS_OFF')).toBe(isWarnedOf)
  expect(copy.running).toBe(true)
})

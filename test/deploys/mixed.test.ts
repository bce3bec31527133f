import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { addItems, newMember, type OldMember, oldMember, stopMembers } from './ledger.js'

/** Nobody waits for such a lease to run out here. */
const TTL_MS = 20_000
const LONG_LEASE = { lease: { ttlMs: TTL_MS } }
/** Well below it. */
const AT_ONCE_MS = 8000

let redis: RedisServer

beforeEach(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
afterEach(async () => {
  await stopMembers()
  await redis.stop()
})
afterAll(stopAll)

const meta = async (field: string) => String(await redis.command('HGET', 'leasehold:{deploys}:meta', field))

/** Starts an old instance beside a new leader, and has that write: the old one halts. */
async function halted(leader: ReturnType<typeof newMember>, options = {}): Promise<OldMember> {
  const older = oldMember(redis, 'older', options)
  await older.start()
  await addItems(leader, 1)
  await eventually(() => older.status().halted === 'VERSION_TOO_OLD', { message: 'the old one to halt' })
  return older
}

test('an old version leads while new ones follow; what they make of its entries it can load', async () => {
  const older = oldMember(redis, 'older', LONG_LEASE)
  await older.start()
  const newer = newMember(redis, 'newer', LONG_LEASE)
  await newer.start()
  // The only follower takes the snapshots.
  while (Number(await meta('first')) < 200) await addItems(older, 20)
  expect(await meta('appVersion')).toBe('1')

  const back = oldMember(redis, 'back', LONG_LEASE)
  await back.start()
  await addItems(older, 1)
  await eventually(() => back.position.index === older.position.index, { message: 'it to follow' })
  expect(back.read((state) => state)).toEqual(older.read((state) => state))
  expect(back.status()).toMatchObject({ halted: undefined, eligible: true })
  expect(back.warnings.filter(({ code }) => code !== 'PERSISTENCE_OFF')).toEqual([])
})

test('when a leader stops, an old version goes on before a new one, whatever their priorities', async () => {
  const [first, second] = [oldMember(redis, 'first', LONG_LEASE), oldMember(redis, 'second', LONG_LEASE)]
  const newer = newMember(redis, 'newer', { ...LONG_LEASE, priority: 9 })
  for (const node of [first, second, newer]) await node.start()
  await eventually(async () => (await first.groupStatus()).members.length === 3)

  await first.stop()
  await eventually(() => second.isLeader, { timeoutMs: AT_ONCE_MS, message: 'the old one to lead' })
  await addItems(second, 1)
  // None is left that is older.
  await second.stop()
  await eventually(() => newer.isLeader, { timeoutMs: AT_ONCE_MS, message: 'the new one to lead' })
  await addItems(newer, 1)
  expect(newer.read((state) => state.items)).toHaveLength(2)
})

test('one that is too old never leads, and holds nobody up, whatever its priority', async () => {
  const leader = newMember(redis, 'leader', LONG_LEASE)
  await leader.start()
  const heir = newMember(redis, 'heir', LONG_LEASE)
  await heir.start()
  const older = await halted(leader, { ...LONG_LEASE, priority: 9 })
  const roles: string[] = []
  older.on('elected', () => roles.push('leader'))

  await leader.stop()
  await eventually(() => heir.isLeader, { timeoutMs: AT_ONCE_MS, message: 'the other new one to lead' })
  await eventually(() => older.leader?.id === heir.id, { message: 'the old one to know who leads' })
  await addItems(heir, 1)

  // Alone it does not lead either, and whoever stops does not wait for it.
  await heir.stop()
  await eventually(() => older.leader === undefined, { message: 'the old one to see the vacancy' })
  const next = newMember(redis, 'next', LONG_LEASE)
  await next.start()
  await eventually(() => next.isLeader, { timeoutMs: AT_ONCE_MS, message: 'a new one to lead' })
  await addItems(next, 1)
  expect(roles).toEqual([])
  expect(older.status()).toMatchObject({ role: 'follower', halted: 'VERSION_TOO_OLD' })
})

test('a follower that is too old holds up neither snapshots nor trimming', async () => {
  const snapshotEntries = 1000
  const leader = newMember(redis, 'leader', { ...LONG_LEASE, snapshotEntries })
  await leader.start()
  const older = await halted(leader, LONG_LEASE)
  await eventually(
    async () => {
      await addItems(leader, 20)
      return Number(await meta('first')) > 1
    },
    { message: 'the log to be trimmed' },
  )
  expect(leader.position.index).toBeLessThan(8 * snapshotEntries) // up to there it would wait for a replica
  expect(older.position.index).toBe(0)
})

test('a follower that is too old answers when the leader asks all what they have', async () => {
  const settleMs = 60_000
  const first = newMember(redis, 'first')
  await first.start() // so that the leader need not wait, which would take it that long
  const leader = newMember(redis, 'leader', { settleMs })
  await leader.start()
  await first.stop()
  await eventually(() => leader.isLeader)
  const older = await halted(leader)
  await addItems(leader, 5)
  const { term, position } = leader

  await redis.kill()
  await redis.restart() // the claim that follows finds the server in another life, and asks
  await eventually(() => leader.isLeader && leader.term > term, {
    timeoutMs: settleMs / 2,
    message: 'the leader to have heard of all',
  })
  await addItems(leader, 1)
  expect(leader.position.index).toBe(position.index + 2) // its marker in the new life, and the item
  expect(older.status()).toMatchObject({ halted: 'VERSION_TOO_OLD' })
  expect(older.warnings.filter(({ code }) => code === 'VERSION_TOO_OLD')).toHaveLength(1)
})

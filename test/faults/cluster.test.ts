import { keysOf } from '../../packages/core/src/redis/keys.js'
import { eventually } from '../support/deadline.js'
import { newName } from '../support/instances.js'
import { type RedisCluster, startCluster } from '../support/redis-cluster.js'
import type { RedisServer } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import {
  levelled,
  moreWrites,
  problemsHeld,
  problemsOf,
  readLog,
  replicasEqualLog,
  shutCopiesOut,
  startWriters,
} from './ledger.js'
import { type LedgerProcess, LedgerProcesses } from './ledger-process.js'

/** A group in a Cluster, with writers. */
interface Stage {
  cluster: RedisCluster
  processes: LedgerProcesses
  members: LedgerProcess[]
  writers: ReturnType<typeof startWriters>
}

afterAll(stopAll)

async function begin(ttlMs = 1000): Promise<Stage> {
  const group = newName()
  const cluster = await startCluster(keysOf(group).meta)
  const processes = new LedgerProcesses({ redis: cluster.target, lease: { ttlMs } }, group)
  const members = await Promise.all(['a', 'b', 'c'].map((name) => processes.add(name)))
  const writers = startWriters(() => members)
  await moreWrites(writers)
  return { cluster, processes, members, writers }
}

/** Ends the writers, and looks whether each answer was honest and every replica is what `server` has. */
async function conclude({ processes, members, writers }: Stage, server: RedisServer): Promise<void> {
  await moreWrites(writers)
  const history = await writers.stop()
  const log = await replicasEqualLog(server, processes.name, members)
  expect(problemsOf(history, log)).toEqual([])
  // Not claimed again there, the log would be written to on the word of another server.
  expect(new Set(log.map(({ term }) => term)).size).toBeGreaterThan(1)
}

it('the server of the slot fails over by hand, under load: leadership is claimed anew there', async () => {
  const stage = await begin()
  const old = await stage.cluster.owner()
  const [copy] = await stage.cluster.copies()
  await copy?.command('CLUSTER', 'FAILOVER')
  const owner = await stage.cluster.owner(old)
  expect(owner).toBe(copy)
  await conclude(stage, owner)
}, 120_000)

it('the slot moves to another server, key by key and under load', async () => {
  const stage = await begin()
  const [old, next] = [await stage.cluster.owner(), await stage.cluster.bystander()]
  await stage.cluster.moveSlot(old, next)
  expect(await stage.cluster.owner()).toBe(next)
  await conclude(stage, next)
  expect(await readLog(next, stage.processes.name)).not.toEqual([])
}, 120_000)

it('the server of the slot dies: its copy takes over, and instances put back what that lacks (G4, G7)', async () => {
  const { cluster, members, writers, processes } = await begin()
  const [old, [copy]] = [await cluster.owner(), await cluster.copies()]
  if (!copy) throw new Error('There is no copy')
  await shutCopiesOut(old)
  await moreWrites(writers)
  const before = await writers.stop()
  await levelled(members)
  await copy.command('READONLY')
  const headOf = async (server: RedisServer) =>
    Number(await server.command('HGET', processes.keys.meta, 'head'))
  expect(await headOf(copy)).toBeLessThan((await headOf(old)) - 40) // or nothing would be lost
  await old.kill()

  expect(await cluster.owner(old)).toBe(copy)
  const after = startWriters(() => members, 6, 'after-')
  await moreWrites(after)
  const history = [...before, ...(await after.stop())]
  expect(await problemsHeld(history, members)).toEqual([])
}, 120_000)

it('the server of the slot stands still, and goes on when another one has the slot: it is left by all connections', async () => {
  const stage = await begin()
  const old = await stage.cluster.owner()
  const [copy] = await stage.cluster.copies()
  await old.pause()
  const owner = await stage.cluster.owner(old)
  expect(owner).toBe(copy)
  await moreWrites(stage.writers)
  old.resume()
  expect(await stage.cluster.owner()).toBe(owner)
  await eventually(async () => (await connectionsOf(stage, old)).length === 0, {
    message: 'them to leave it',
  })
  await conclude(stage, owner)
}, 120_000)

it('subscriptions follow the slot: the death of a leader is seen there at once, not by its lease (G10)', async () => {
  const stage = await begin(60_000)
  const { cluster, processes, members } = stage
  const [old, next] = [await cluster.owner(), await cluster.bystander()]
  const count = (await connectionsOf(stage, old)).length
  await cluster.moveSlot(old, next)
  await eventually(async () => (await connectionsOf(stage, next)).length === count, {
    message: 'all to be there',
  })
  expect(await connectionsOf(stage, old)).toEqual([])
  await moreWrites(stage.writers)

  const leader = await eventually(async () => {
    const looks = await Promise.all(members.map((member) => member.look()))
    return members[looks.findIndex(({ leads }) => leads)]
  })
  const others = members.filter((member) => member !== leader)
  await leader.program.kill9()
  stage.members.splice(0, 3, ...others)
  await eventually(async () =>
    (await Promise.all(others.map((member) => member.look()))).some(({ leads }) => leads),
  )
  const changes = (await next.command('HVALS', processes.keys.changes)) as string[]
  expect(changes.some((change) => change.includes('"deposed"'))).toBe(true)
  await conclude(stage, next)
}, 120_000)

/** Connections of the group's instances to a server. */
async function connectionsOf({ processes }: Stage, server: RedisServer): Promise<string[]> {
  const clients = String(await server.command('CLIENT', 'LIST')).split('\n')
  return clients.filter((client) => client.includes(` name=leasehold:${processes.name}:`))
}

import { checkLists } from '../support/check-lists.js'
import { eventually } from '../support/deadline.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { converged } from '../support/converged.js'
import { type Load, type LoadOptions, loadKeys, startLoad } from '../support/load.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

/** How often the leader is killed. Thirty times: `KILLS=30`. */
const KILLS = Number(process.env['KILLS'] ?? 8)
const CLIENTS = 32

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
afterAll(stopAll)

it(`G3, G6: clients of the instances that survive do not notice ${KILLS} kills of the leader`, async () => {
  const seed = Math.floor(Math.random() * 1e6)
  const group = await startGroup({ redis, ttlMs: 1000 })
  let victim: Instance | undefined
  const urls = () => group.urls().filter((url) => url !== victim?.url)
  const options: LoadOptions = { urls, clients: CLIENTS, seed, timeoutMs: 20_000 }
  victim = await group.leader()
  const load = startLoad(options)

  for (let kill = 1; kill <= KILLS; kill++) {
    await everyClientHasGoneOn(load)
    await victim.kill9()
    const heir: Instance = await group.leader()
    await group.add()
    await everyClientHasGoneOn(load) // through the failover
    victim = await stillLeading(group, heir)
  }
  const history = await load.stop()

  const noticed = history.filter(({ outcome }) => outcome !== 'ok')
  const told = noticed.map(({ kind, status, reason, url }) => `${kind} ${url}: ${status} ${reason}`)
  expect({ seed, told }).toEqual({ seed, told: [] })
  expect(new Set(history.map(({ term }) => term).filter(Boolean)).size).toBeGreaterThan(KILLS)
  const replicas = await converged(group.instances, loadKeys(options))
  expect(checkLists(history, replicas)).toEqual([])
  const pauses = history.map(({ startMs, endMs }) => endMs - startMs).toSorted((a, b) => a - b)
  const at = (q: number) => pauses[Math.floor(q * (pauses.length - 1))]?.toFixed(0)
  process.stdout.write(
    `seed ${seed}: ${KILLS} kills, ${history.length} requests of ${CLIENTS} clients, ${noticed.length} errors; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms\n`,
  )
}, 600_000)

/** Waits until each client has ended a request that it began after this call. */
async function everyClientHasGoneOn(load: Load): Promise<void> {
  const fromMs = performance.now()
  await eventually(
    () =>
      new Set(load.history.filter(({ startMs }) => startMs > fromMs).map(({ client }) => client)).size ===
      CLIENTS,
    { timeoutMs: 30_000, message: 'every client to go on' },
  )
}

/** The one that is to be killed next: whoever leads. */
async function stillLeading(group: InstanceGroup, heir: Instance): Promise<Instance> {
  return (await heir.leads()) ? heir : group.leader()
}

import { setTimeout as sleep } from 'node:timers/promises'
import { checkLists } from '../support/check-lists.js'
import { checkRegisters } from '../support/check-registers.js'
import { checkSessions } from '../support/check-sessions.js'
import { converged } from '../support/converged.js'
import { eventually } from '../support/deadline.js'
import { hasWritten, inWords, type Operation } from '../support/history.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { type Load, type LoadOptions, loadKeys, startLoad } from '../support/load.js'
import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

/** How often the leader is killed, and what decides what each client does. A run that failed can be had again. */
const KILLS = Number(process.env['KILLS'] ?? 30)
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e6))
const AGAIN = `SEED=${SEED} KILLS=${KILLS} node node_modules/jest/bin/jest.js --config jest.config.mjs test/faults/unnoticed`
const CLIENTS = 32

/** A leader's end. */
interface Kill {
  /** The term that it led. */
  readonly term: number
  readonly atMs: number
  /** When another one was seen to serve. */
  readonly overMs: number
}

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
afterAll(stopAll)

it(`G3–G6, G8, G9: clients of the instances that survive do not notice ${KILLS} kills of the leader`, async () => {
  process.stdout.write(`seed ${SEED}; again: ${AGAIN}\n`)
  const group = await startGroup({ redis, ttlMs: 1000 })
  let victim: Instance | undefined
  const urls = () => group.urls().filter((url) => url !== victim?.url)
  const options: LoadOptions = { urls, clients: CLIENTS, seed: SEED, keys: 8, timeoutMs: 20_000 }
  const load = startLoad(options)
  const random = seededRandom(SEED)
  const kills: Kill[] = []
  const felt = () => kills.filter((kill) => wasFelt(kill, load.history)).length
  while (felt() < KILLS) {
    victim = await group.leader()
    await everyClientHasGoneOn(load) // none waits for the victim any more
    const { role, term } = (await victim.status()).instance
    if (role !== 'leader') continue // it was deposed meanwhile
    await sleep(random() * 50) // answers come in batches, that one with them: right behind it little would be under way
    const atMs = performance.now()
    await victim.kill9()
    await group.leader()
    kills.push({ term, atMs, overMs: performance.now() })
    await Promise.all([group.add(), everyClientHasGoneOn(load)])
    expect(kills.length).toBeLessThan(2 * KILLS + 3)
  }
  const history = await load.stop()
  const replicas = await converged(group.instances, loadKeys(options))

  const noticed = history.filter(({ outcome }) => outcome !== 'ok').map(told)
  const problems = [...checkLists(history, replicas), ...checkRegisters(history), ...checkSessions(history)]
  process.stdout.write(`${figures(kills, history, noticed, problems)}; ${await reasons(group)}\n`)
  expect(noticed).toEqual([])
  expect(problems).toEqual([])
  expect(new Set(history.flatMap(({ term }) => term ?? [])).size).toBeGreaterThan(KILLS)
  for (const count of Object.values(countsOf(history))) expect(count).toBeGreaterThan(CLIENTS)
}, 600_000)

/** Why leaders were followed by others, as the group remembers it. */
async function reasons(group: InstanceGroup): Promise<string> {
  const counts = new Map<string, number>()
  for (const { reason } of (await (await group.leader()).status()).group.history)
    counts.set(reason ?? 'first', (counts.get(reason ?? 'first') ?? 0) + 1)
  return [...counts].map(([reason, count]) => `${count} × ${reason}`).join(', ')
}

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

function told(operation: Operation): string {
  const { url, status, reason } = operation
  return `${inWords(operation)} through ${url}: ${status} ${reason}`
}

/**
 * Whether a kill hit what it was meant for: who died did lead, and writes were under way to it that only a later leader
 * answered, because they were held or sent again. Others are right, too, but prove nothing.
 */
function wasFelt({ term, atMs }: Kill, history: readonly Operation[]): boolean {
  const before = history.filter((operation) => operation.endMs < atMs && hasWritten(operation))
  const underWay = history.filter(({ startMs, endMs }) => startMs < atMs && endMs > atMs)
  return (
    before.some((write) => write.term === term) &&
    !before.some((write) => (write.term ?? 0) > term) &&
    underWay.some((write) => (write.term ?? 0) > term)
  )
}

/** So often did clients do what the checks look at. */
function countsOf(history: readonly Operation[]) {
  const count = (which: (operation: Operation) => boolean) => history.filter(which).length
  return {
    pushes: count(({ kind }) => kind === 'push'),
    puts: count(({ kind }) => kind === 'put'),
    'cas that won': count((operation) => operation.kind === 'cas' && hasWritten(operation)),
    'cas that lost': count(({ present }) => present !== undefined),
    'linearizable gets': count(({ kind, consistency }) => kind === 'get' && consistency === 'linearizable'),
    'session reads': count(({ consistency }) => consistency === 'session'),
  }
}

function figures(
  kills: readonly Kill[],
  history: readonly Operation[],
  noticed: readonly string[],
  problems: readonly string[],
): string {
  // For each client and kill the longest request until another leader served.
  const pauses = kills.flatMap(({ atMs, overMs }) => {
    const longest = new Map<number, number>()
    for (const { client, startMs, endMs } of history)
      if (startMs < overMs && endMs > atMs)
        longest.set(client, Math.max(longest.get(client) ?? 0, endMs - startMs))
    return [...longest.values()]
  })
  pauses.sort((a, b) => a - b)
  const at = (q: number) => pauses[Math.floor(q * (pauses.length - 1))]?.toFixed(0)
  const counts = Object.entries(countsOf(history)).map(([what, count]) => `${count} ${what}`)
  return (
    `${kills.length} kills, ${KILLS} of them felt, ${history.length} requests of ${CLIENTS} clients, ${noticed.length} errors; ` +
    `pauses: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ` +
    `${problems.length} problems in ${counts.join(', ')}`
  )
}

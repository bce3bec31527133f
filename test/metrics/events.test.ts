import { createNode, defineStateMachine, type NodeOptions } from '@leasehold/core'
import { registerMetrics } from '@leasehold/core/metrics'
import { Counter, Registry } from 'prom-client'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { FAMILIES } from '../../packages/core/src/metrics/families.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { parseExposition, valueOf } from './exposition.js'
import { closeScraped, scraperOf } from './scraped.js'

let redis: RedisServer
let made = 0
const running = new Set<{ stop(): Promise<void> }>()

beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  await Promise.all([...running].map((node) => node.stop()))
  running.clear()
  await closeScraped()
})
afterAll(stopAll)

const listOf = (version: number) =>
  defineStateMachine({
    name: 'list',
    version,
    initial: () => ({ items: [] as string[] }),
    commands: {
      add(state, item: string) {
        return state.items.push(item)
      },
    },
  })

function nodeOf(group: string, name: string, options: Partial<NodeOptions> = {}, version = 1) {
  const node = createNode({
    ...{ group, name, redis: redis.url, lease: { ttlMs: 5000 }, heartbeatMs: 100, settleMs: 100 },
    ...options,
    stateMachine: listOf(version),
  })
  running.add(node)
  return node
}

/** A node that runs, and what scrapes it. */
async function started(...args: Parameters<typeof nodeOf>) {
  const node = nodeOf(...args)
  await node.start()
  return { node, scrape: await scraperOf(node) }
}

const newGroup = () => `metrics-${++made}`

it('an append that the log refused is counted by the leader that believed in its lease, and so is its end', async () => {
  const group = newGroup()
  // Its append is to find out, not its heartbeat.
  const old = await started(group, 'old', { heartbeatMs: 60_000 })
  const heir = await started(group, 'heir')
  const keys = keysOf(group)
  await redis.command('DEL', keys.lease)
  await redis.command('PUBLISH', keys.leaseNotices, 'vacant')
  await eventually(() => heir.node.isLeader)
  expect(old.node.isLeader).toBe(true) // or nothing would be sent
  await expect(old.node.write('add', 'stale')).rejects.toThrow('FENCED')
  await eventually(() => !old.node.isLeader)

  const [ofOld, ofHeir] = [await old.scrape(), await heir.scrape()]
  expect(valueOf(ofOld, 'leasehold_fenced_appends_total')).toBe(1)
  expect(valueOf(ofOld, 'leasehold_appends_total', { outcome: 'fenced' })).toBe(1)
  expect(valueOf(ofOld, 'leasehold_appended_entries_total')).toBe(0)
  expect(valueOf(ofOld, 'leasehold_demotions_total', { reason: 'fenced' })).toBe(1)
  expect(valueOf(ofHeir, 'leasehold_fenced_appends_total')).toBe(0)
  expect(valueOf(ofHeir, 'leasehold_failovers_total', { reason: 'expired' })).toBe(1)
})

it('a change of leader that was asked for is an election, and no failover', async () => {
  const group = newGroup()
  const [a, b] = [await started(group, 'a'), await started(group, 'b')]
  await a.node.switchover({ to: 'b' })
  await eventually(() => b.node.isLeader)
  const scraped = await b.scrape()
  expect(valueOf(scraped, 'leasehold_elections_total', { reason: 'switchover' })).toBe(1)
  const failovers = scraped.get('leasehold_failovers_total')?.samples ?? []
  expect(failovers.map(({ value }) => value)).toEqual(failovers.map(() => 0))
  expect(failovers.map(({ labels }) => labels['reason'])).toContain('deposed')
  expect(valueOf(await a.scrape(), 'leasehold_demotions_total', { reason: 'switchover' })).toBe(1)
})

it('a repeat that gets the first result is counted, one that is refused is not', async () => {
  const { node, scrape } = await started(newGroup(), 'a')
  const replays = async () => valueOf(await scrape(), 'leasehold_idempotent_replays_total')
  await node.write('add', 'once', { opId: 'op-1' })
  expect(await replays()).toBe(0)
  expect(await node.write('add', 'once', { opId: 'op-1' })).toBe(1)
  expect(await replays()).toBe(1)
  // Two at once: the second finds the first under way.
  const both = ['op-2', 'op-2'].map((opId) => node.write('add', 'twice', { opId }))
  expect(await Promise.all(both)).toEqual([2, 2])
  expect(await replays()).toBe(2)
  await expect(node.write('add', 'another', { opId: 'op-1' })).rejects.toMatchObject({ code: 'KEY_REUSED' })
  expect(await replays()).toBe(2)
  expect(valueOf(await scrape(), 'leasehold_appended_entries_total')).toBe(2)
})

it('a replica that cannot apply what it sees is behind, more and more, and says why', async () => {
  const group = newGroup()
  const leader = await started(group, 'new', {}, 2)
  const old = await started(group, 'old', { eligible: false }, 1)
  await leader.node.write('add', 'of version 2')
  await eventually(() => old.node.status().halted === 'VERSION_TOO_OLD')
  const lagOf = async () => {
    const scraped = await old.scrape()
    return {
      entries: valueOf(scraped, 'leasehold_replication_lag_entries') ?? 0,
      seconds: valueOf(scraped, 'leasehold_replication_lag_seconds') ?? 0,
      halted: valueOf(scraped, 'leasehold_halted', { reason: 'VERSION_TOO_OLD' }),
      warned: valueOf(scraped, 'leasehold_warnings_total', { code: 'VERSION_TOO_OLD' }),
    }
  }
  const first = await lagOf()
  expect(first).toMatchObject({ entries: 1, halted: 1, warned: 1 })
  for (let n = 0; n < 9; n++) await leader.node.write('add', `${n}`)
  const later = await eventually(async () => {
    const lag = await lagOf()
    return lag.entries === 10 && lag
  })
  expect(later.seconds).toBeGreaterThan(first.seconds)
  await eventually(async () => valueOf(await leader.scrape(), 'leasehold_inconsistency_entries') === 5)
})

it('a replica that finds itself on another log is counted as diverged, with what it had', async () => {
  const group = newGroup()
  const other = await startRedis()
  const theirs = await started(group, 'theirs', { redis: other.url })
  await theirs.node.write('add', 'theirs')
  const ours = await started(group, 'ours')
  for (const item of ['a', 'b', 'c']) await ours.node.write('add', item)
  const way = await startProxy({ targetPort: redis.port })
  const moved = await started(group, 'moved', { redis: `redis://127.0.0.1:${way.port}`, eligible: false })
  await eventually(() => moved.node.position.index === 3)

  way.target(other.port)
  way.reset()
  await eventually(() => moved.node.position.logId === theirs.node.position.logId)
  const scraped = await moved.scrape()
  expect(valueOf(scraped, 'leasehold_diverged_total')).toBe(1)
  expect(valueOf(scraped, 'leasehold_diverged_entries_total')).toBe(3)
  await moved.node.stop()
})

it('snapshots are timed and weighed where they are taken, and where they are loaded', async () => {
  const group = newGroup()
  const options = { snapshotEntries: 20, trailingEntries: 0, heartbeatMs: 50 }
  const leader = await started(group, 'a', options)
  // Until the log does not begin with its first entry any more, so that a newcomer has to load one.
  await eventually(async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => leader.node.write('add', `${n}`)))
    return (await redis.command('XLEN', keysOf(group).log)) !== leader.node.position.index
  })
  const late = await started(group, 'b', options)
  const [taken, loaded] = [await leader.scrape(), await late.scrape()]
  expect(valueOf(loaded, 'leasehold_snapshots_total', { work: 'loaded' })).toBe(1)
  expect(valueOf(loaded, 'leasehold_snapshot_loading_duration_seconds_count')).toBe(1)
  expect(valueOf(loaded, 'leasehold_snapshot_bytes', { work: 'loaded' })).toBeGreaterThan(50)
  expect(valueOf(taken, 'leasehold_snapshot_bytes', { work: 'taken' })).toBeGreaterThan(50)
  expect(valueOf(taken, 'leasehold_snapshot_taking_duration_seconds_sum')).toBeGreaterThan(0)
})

it('several nodes share a registry with the app, under names that need escaping, and leave it again', async () => {
  const registry = new Registry()
  new Counter({ name: 'app_orders_total', help: 'Orders.', registers: [registry] }).inc(7)
  const [first, second] = [nodeOf(newGroup(), 'say-"a"'), nodeOf(newGroup(), 'back\\slash')]
  const nodes = [first, second]
  await Promise.all(nodes.map((node) => node.start()))
  const removals = nodes.map((node) => registerMetrics(node, registry))

  const families = parseExposition(await registry.metrics())
  expect(valueOf(families, 'app_orders_total')).toBe(7)
  const leaders = families.get('leasehold_is_leader')?.samples ?? []
  expect(leaders.map(({ labels }) => [labels['group'], labels['name']])).toEqual(
    nodes.map(({ group, name }) => [group, name]),
  )
  const scrape = await scraperOf(first, { registry })
  expect(valueOf(await scrape(), 'app_orders_total')).toBe(7)

  for (const remove of removals) remove()
  removals[0]?.() // once is enough: the router's own stays
  expect(valueOf(await scrape(), 'leasehold_is_leader')).toBe(1)
  registerMetrics(first, registry)()
  expect(valueOf(await scrape(), 'leasehold_is_leader')).toBe(1)
})

it('a registry that nobody is in any more has nothing of ours', async () => {
  const registry = new Registry()
  const node = nodeOf(newGroup(), 'a')
  const remove = registerMetrics(node, registry)
  expect(parseExposition(await registry.metrics()).size).toBe(FAMILIES.length)
  remove()
  registry.registerMetric(new Counter({ name: 'app_orders_total', help: 'Orders.', registers: [] }))
  expect([...parseExposition(await registry.metrics()).keys()]).toEqual(['app_orders_total'])
})

it('a registry in OpenMetrics has them too', async () => {
  const registry = new Registry()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  const { node } = await started(newGroup(), 'a')
  registerMetrics(node, registry)
  const text = await registry.metrics()
  expect(text).toContain('# TYPE leasehold_elections counter\n')
  expect(text).toMatch(/^leasehold_elections_total\{.*reason="none"\} 1$/m)
  expect(text.endsWith('# EOF\n')).toBe(true)
  expect((await registry.getMetricsAsJSON()).length).toBe(FAMILIES.length)
})

it('the depth of the own job queue is what Redis has', async () => {
  const group = newGroup()
  await started(group, 'a')
  const { node, scrape } = await started(group, 'b')
  const depth = async () => valueOf(await scrape(), 'leasehold_queued_jobs')
  await eventually(async () => (await depth()) === 0)
  await redis.command('RPUSH', `${keysOf(group).jobs}:${node.id}:active`, 'one', 'two', 'three')
  expect(await depth()).toBe(3)
})

it('a node that was stopped, or never started, can be scraped', async () => {
  const node = nodeOf(newGroup(), 'a')
  const scrape = await scraperOf(node)
  expect(valueOf(await scrape(), 'leasehold_role', { role: 'stopped' })).toBe(1)
  await node.start()
  await node.stop()
  const after = await scrape()
  expect(valueOf(after, 'leasehold_role', { role: 'stopped' })).toBe(1)
  expect(valueOf(after, 'leasehold_members')).toBe(0)
  expect(valueOf(after, 'leasehold_demotions_total', { reason: 'stopped' })).toBe(1)
})

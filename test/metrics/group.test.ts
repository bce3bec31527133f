import { textOf } from '../structure/source-files.js'
import { eventually } from '../support/deadline.js'
import { type InstanceGroup, startGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { FAMILIES } from '../../packages/core/src/metrics/families.js'
import { COMMON_LABELS } from '../../packages/core/src/metrics/family.js'
import { valueOf } from './exposition.js'
import { queriesIn, readAlerts, readDashboard } from './queries.js'
import { type Scrape, scrape } from './scraped.js'

let redis: RedisServer
let group: InstanceGroup

const scrapeAll = async (): Promise<Scrape[]> =>
  Promise.all(group.instances.map(({ url }) => scrape(`${url}/cluster/metrics`)))
const put = (url: string, key: string) =>
  fetch(`${url}/kv/${key}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"value":1}',
  })

/** The values of all of them, added up. */
const sumOf = (scrapes: readonly Scrape[], name: string, labels?: Record<string, string>) =>
  scrapes.reduce((sum, one) => sum + (valueOf(one, name, labels) ?? 0), 0)

beforeAll(async () => {
  redis = await startRedis()
  group = await startGroup({ redis })
  await group.leader()
})
afterAll(stopAll)

it('three processes: one leads, all have the head, and the writes that came at followers were forwarded', async () => {
  const [follower] = await group.followers()
  for (let n = 0; n < 5; n++) expect((await put(follower?.url ?? '', `k${n}`)).status).toBe(200)
  const leader = await group.leader()
  expect((await put(leader.url, 'k5')).status).toBe(200)

  const scrapes = await eventually(async () => {
    const found = await scrapeAll()
    return found.every((one) => valueOf(one, 'leasehold_applied_index') === 6) && found
  })
  expect(sumOf(scrapes, 'leasehold_is_leader')).toBe(1)
  expect(sumOf(scrapes, 'leasehold_role', { role: 'leader' })).toBe(1)
  expect(sumOf(scrapes, 'leasehold_role', { role: 'follower' })).toBe(2)
  for (const one of scrapes) {
    expect(valueOf(one, 'leasehold_head_index')).toBe(6)
    expect(valueOf(one, 'leasehold_replication_lag_entries')).toBe(0)
    expect(valueOf(one, 'leasehold_replication_lag_seconds')).toBe(0)
    expect(valueOf(one, 'leasehold_caught_up')).toBe(1)
    expect(valueOf(one, 'leasehold_queued_jobs')).toBeGreaterThanOrEqual(0)
  }
  expect(new Set(scrapes.map((one) => valueOf(one, 'leasehold_term'))).size).toBe(1)

  const ofLeader = await scrape(`${leader.url}/cluster/metrics`)
  expect(valueOf(ofLeader, 'leasehold_is_leader')).toBe(1)
  const left = valueOf(ofLeader, 'leasehold_lease_remaining_seconds') ?? 0
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(2) // LEASE_TTL_MS less its margin
  expect(sumOf(scrapes, 'leasehold_lease_remaining_seconds')).toBeLessThan(2) // nobody else holds one
  expect(valueOf(ofLeader, 'leasehold_appended_entries_total')).toBe(6)
  expect(valueOf(ofLeader, 'leasehold_append_batch_entries_sum')).toBe(6)
  expect(valueOf(ofLeader, 'leasehold_append_duration_seconds_count')).toBe(
    valueOf(ofLeader, 'leasehold_appends_total', { outcome: 'appended' }),
  )
  expect(valueOf(ofLeader, 'leasehold_elections_total', { reason: 'none' })).toBe(1)
  expect(sumOf(scrapes, 'leasehold_failovers_total', { reason: 'deposed' })).toBe(0)
  expect(sumOf(scrapes, 'leasehold_forwarded_requests_total', { outcome: 'answered' })).toBe(5)
  await eventually(
    async () =>
      valueOf(await scrape(`${leader.url}/cluster/metrics`), 'leasehold_members') === 3 &&
      (valueOf(await scrape(`${leader.url}/cluster/metrics`), 'leasehold_copy_duration_seconds_count') ?? 0) >
        0 &&
      (valueOf(await scrape(`${leader.url}/cluster/metrics`), 'leasehold_lease_renewals_total', {
        outcome: 'renewed',
      }) ?? 0) > 0,
    { message: 'the leader to have seen its followers, and renewed its lease' },
  )
})

it('all that is exported is in docs/metrics.md, as it is, and nothing else', async () => {
  const [one] = await scrapeAll()
  const scraped = [...(one?.values() ?? [])].map(({ name, type, help }) => ({ name, type, help }))
  expect(scraped).toEqual(FAMILIES.map(({ name, type, help }) => ({ name, type, help })))
  const rows = [
    ...(textOf('docs/metrics.md') ?? '').matchAll(/^\| `(leasehold_\w+)` \| (\w+) \| (.*) \| (.*) \|$/gm),
  ]
  expect(rows.map(([, name, type, labels, help]) => ({ name, type, labels, help }))).toEqual(
    FAMILIES.map(({ name, type, labels, help }) => ({
      name,
      type,
      labels: labels.map((label) => `\`${label}\``).join(', '),
      help,
    })),
  )
})

it('the dashboard and the alerts ask for what there is, by labels that it has', async () => {
  const labelsOf = new Map<string, Set<string>>(
    FAMILIES.map(({ name, labels }) => [name, new Set([...COMMON_LABELS, ...labels])]),
  )
  // What a scrape really has; of some there may be nothing to say yet, as of warnings.
  for (const one of await scrapeAll())
    for (const { name, samples } of one.values())
      for (const { labels } of samples)
        expect([...(labelsOf.get(name) ?? []), 'le']).toEqual(expect.arrayContaining(Object.keys(labels)))

  const queries = [
    ...queriesIn(readDashboard()),
    ...readAlerts()
      .map(({ expr }) => expr)
      .flatMap(queriesIn),
  ]
  expect(queries.length).toBeGreaterThan(40)
  const wrong = queries.filter(({ metric, labels }) => {
    const family = metric.replace(/_(?:bucket|sum|count)$/, '')
    const known = labelsOf.get(metric) ?? (metric === family ? undefined : labelsOf.get(family))
    // `le` is of buckets; `instance` and `job` are Prometheus' own.
    return !known || labels.some((label) => !known.has(label) && !['le', 'instance', 'job'].includes(label))
  })
  expect(wrong).toEqual([])
})

it('after a kill -9 a survivor counts a failover with its reason, and what clients waited for', async () => {
  const leader = await group.leader()
  const [survivor, other] = await group.followers()
  const answers = [put(survivor?.url ?? '', 'before')]
  await leader.kill9()
  for (let n = 0; n < 20; n++) answers.push(put((n % 2 ? survivor : other)?.url ?? '', `after${n}`))
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200))

  const scrapes = await scrapeAll()
  expect(scrapes).toHaveLength(2)
  expect(sumOf(scrapes, 'leasehold_failovers_total', { reason: 'deposed' })).toBe(1)
  expect(sumOf(scrapes, 'leasehold_elections_total', { reason: 'deposed' })).toBe(1)
  expect(sumOf(scrapes, 'leasehold_is_leader')).toBe(1)
  expect(sumOf(scrapes, 'leasehold_recover_duration_seconds_count')).toBe(1)
  const recoverSeconds = sumOf(scrapes, 'leasehold_recover_duration_seconds_sum')
  expect(recoverSeconds).toBeGreaterThan(0)
  expect(recoverSeconds).toBeLessThan(10)
  const waited =
    sumOf(scrapes, 'leasehold_held_requests_total', { outcome: 'released' }) +
    sumOf(scrapes, 'leasehold_resent_requests_total', { outcome: 'answered' })
  expect(waited).toBeGreaterThan(0)
  expect(sumOf(scrapes, 'leasehold_waiting_requests')).toBe(0)
})

it('with Redis gone, or standing still, a scrape answers all the same, without what only Redis knows', async () => {
  await redis.pause()
  const startedMs = performance.now()
  const paused = await scrapeAll()
  expect(performance.now() - startedMs).toBeLessThan(3000)
  for (const one of paused) expect(valueOf(one, 'leasehold_queued_jobs')).toBeUndefined()
  await redis.kill()
  const none = await eventually(async () => {
    const scrapes = await scrapeAll()
    // Who led holds its lease for as long as that had left.
    const over = ['leasehold_is_leader', 'leasehold_lease_remaining_seconds'].every(
      (name) => sumOf(scrapes, name) === 0,
    )
    return over && scrapes
  })
  for (const one of none) expect(valueOf(one, 'leasehold_queued_jobs')).toBeUndefined()
})

import { checkLists } from '../support/check-lists.js'
import { checkRegisters } from '../support/check-registers.js'
import { checkSessions } from '../support/check-sessions.js'
import { converged } from '../support/converged.js'
import { eventually } from '../support/deadline.js'
import { hasWritten, inWords, type Operation } from '../support/history.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { type Load, loadKeys, startLoad, startSteadyLoad } from '../support/load.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

/** Clients that write through all instances while leadership changes hands as planned. It needs a build. */

const ADMIN = { ADMIN_TOKEN: 'an operator' }
const headers = { 'x-admin-token': ADMIN.ADMIN_TOKEN }
const LOAD = { clients: 48, thinkMs: 12, keys: 8, timeoutMs: 20_000 }
const SWITCHOVERS = 20
const PER_SECOND = 500
/** Nobody waits for such a lease to run out here. */
const TTL_MS = 10_000

let redis: RedisServer
let group: InstanceGroup
let load: Load
/** What was done by loads before that one, whose clients have other numbers. */
let earlier: readonly Operation[]

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
beforeEach(async () => {
  group = await startGroup({ redis, ttlMs: TTL_MS, env: ADMIN })
  load = startLoad({ ...LOAD, urls: group.urls, seed: 7 })
  earlier = []
})
afterEach(() => group.stopAll())
afterAll(stopAll)

/** Ends the load, and has another one go on on the same group. */
async function goOnWith(start: () => Load): Promise<void> {
  earlier = [...earlier, ...(await load.stop())]
  load = start()
}

/** Waits until clients have had so many more writes acknowledged. */
async function writesGoOn(more = 100): Promise<void> {
  const acknowledged = () => load.history.filter(hasWritten).length
  const before = acknowledged()
  await eventually(() => acknowledged() >= before + more, { message: 'writes to go on' })
}

/** Ends the load and looks at what its clients were told: no error, nothing lost, nothing doubled, nothing untrue. */
async function expectUnnoticed(): Promise<readonly Operation[]> {
  const history = [...earlier, ...(await load.stop())]
  const replicas = await converged(group.instances, loadKeys(LOAD))
  const noticed = history.filter(({ outcome }) => outcome !== 'ok')
  expect(noticed.map((one) => `${inWords(one)}: ${one.status} ${one.reason}`)).toEqual([])
  const problems = [...checkLists(history, replicas), ...checkRegisters(history), ...checkSessions(history)]
  expect(problems).toEqual([])
  return history
}

const idOf = async (instance: Instance) => (await instance.status()).instance.id

/** Has an instance lead, asking another one for it, and returns its term. */
async function switchTo(heir: Instance, asked: Instance): Promise<number> {
  const id = await idOf(heir)
  const { status, body } = await asked.request<{ leader: { id: string; term: number; url: string } }>(
    'POST',
    `/cluster/switchover?to=${id}`,
    { headers },
  )
  expect({ status, body }).toMatchObject({ status: 200, body: { leader: { id, url: heir.url } } })
  expect(await heir.request('GET', '/cluster/leader')).toMatchObject({ status: 200 }) // it serves when the answer comes
  return body.leader.term
}

it(`G3–G6, G8–G10: ${SWITCHOVERS} switchovers in a row to a named instance, asked of any: no client notices`, async () => {
  await writesGoOn()
  const terms: number[] = []
  const spans: { fromMs: number; toMs: number }[] = []
  const startedMs = performance.now()
  for (let n = 0; n < SWITCHOVERS; n++) {
    const { instances } = group
    const leader = await group.leader()
    const others = instances.filter((instance) => instance !== leader)
    const fromMs = performance.now()
    const [heir] = others.slice(n % 2) as [Instance]
    const [asked] = instances.slice(n % 3) as [Instance]
    terms.push(await switchTo(heir, asked))
    spans.push({ fromMs, toMs: performance.now() })
    await writesGoOn()
  }
  const ms = performance.now() - startedMs
  const history = await expectUnnoticed()

  expect(terms).toEqual([...new Set(terms)].toSorted((a, b) => a - b))
  const written = history.filter(hasWritten)
  for (const term of terms) expect(written.some((write) => write.term === term)).toBe(true)
  const felt = spans.filter(({ fromMs, toMs }) =>
    written.some(({ startMs, endMs }) => startMs < toMs && endMs > fromMs),
  )
  expect(felt).toHaveLength(SWITCHOVERS) // writes were under way each time
  const waits = spans
    .map(({ fromMs, toMs }) =>
      Math.max(
        ...written.filter((w) => w.startMs < toMs && w.endMs > fromMs).map((w) => w.endMs - w.startMs),
      ),
    )
    .toSorted((a, b) => a - b)
  const took = spans.map(({ fromMs, toMs }) => toMs - fromMs).toSorted((a, b) => a - b)
  const figures = (sorted: number[]) =>
    `p50 ${sorted[SWITCHOVERS / 2]?.toFixed(0)} ms, longest ${sorted.at(-1)?.toFixed(0)} ms`
  const duringMs = written.filter(({ startMs }) => startMs > startedMs).length / (ms / 1000)
  process.stdout.write(
    `${SWITCHOVERS} switchovers at ${duringMs.toFixed(0)} writes/s: took ${figures(took)}; longest write during each: ${figures(waits)}\n`,
  )
}, 300_000)

it(`G3–G6, G8–G10: under ${PER_SECOND} writes a second, whatever the answers take: no client notices`, async () => {
  const { keys, timeoutMs } = LOAD
  const steady = {
    keys,
    timeoutMs,
    urls: group.urls,
    seed: 9,
    firstClient: LOAD.clients,
    perSecond: PER_SECOND,
  }
  await goOnWith(() => startSteadyLoad(steady))
  await writesGoOn(PER_SECOND)
  const startedMs = performance.now()
  for (let n = 0; n < 5; n++) {
    const [heir] = (await group.followers()) as [Instance]
    await switchTo(heir, heir)
    await writesGoOn(PER_SECOND)
  }
  const endedMs = performance.now()
  const history = await expectUnnoticed()
  const begun = history.filter(({ startMs }) => startMs >= startedMs && startMs < endedMs)
  const perSecond = begun.length / ((endedMs - startedMs) / 1000)
  const longestMs = Math.max(...begun.map(({ startMs, endMs }) => endMs - startMs))
  process.stdout.write(
    `5 switchovers under ${perSecond.toFixed(0)} writes/s: ${begun.length} writes, longest ${longestMs.toFixed(0)} ms\n`,
  )
}, 120_000)

it('to the best one, by JSON and without a body; the one that led follows and can lead again', async () => {
  await writesGoOn()
  const leader = await group.leader()
  const [asked] = await group.followers()
  for (const body of [undefined, { timeoutMs: 5000 }]) {
    const before = await group.leader()
    const reply = await asked?.request('POST', '/cluster/switchover', { headers, body })
    expect(reply).toMatchObject({ status: 200, body: { leader: { id: expect.any(String) } } })
    expect(await before.request('GET', '/cluster/leader')).toMatchObject({ status: 503 })
    await writesGoOn()
  }
  if (!(await leader.leads())) await switchTo(leader, leader)
  await writesGoOn()
  await expectUnnoticed()
}, 120_000)

it('an instance that stands still gets nothing: the leader goes on under its term, and no write fails', async () => {
  await writesGoOn()
  const leader = await group.leader()
  const [heir] = (await group.followers()) as [Instance]
  const { id, term } = { id: await idOf(heir), term: (await leader.status()).instance.term }
  const urls = () => group.urls().filter((url) => url !== heir.url)
  await goOnWith(() => startLoad({ ...LOAD, urls, seed: 8, firstClient: LOAD.clients }))
  await heir.pause()
  const body = { to: id, timeoutMs: 1500 }
  const refused = leader.request('POST', '/cluster/switchover', { headers, body })
  await writesGoOn()
  expect(await refused).toMatchObject({
    status: 409,
    body: { error: { code: 'SWITCHOVER_FAILED', reason: 'TIMEOUT' } },
  })
  await writesGoOn()
  expect((await leader.status()).instance).toMatchObject({ role: 'leader', term })
  heir.resume()
  await writesGoOn()
  const { history } = load
  await expectUnnoticed()
  expect(history.every((operation) => operation.term === undefined || operation.term === term)).toBe(true)
}, 120_000)

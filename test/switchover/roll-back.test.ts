import { type LedgerProcess, LedgerProcesses } from '../faults/ledger-process.js'
import { moreWrites, problemsOf, replicasEqualLog, startWriters, type Writers } from '../faults/ledger.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { failedFor, switchover, threeOf, type Told } from './operators.js'

/** Such a lease runs out only where an heir dies with it. */
const TTL_MS = 3000

let redis: RedisServer
let group: LedgerProcesses
let a: LedgerProcess
let b: LedgerProcess
let c: LedgerProcess
let writers: Writers
/** Those that are written to. */
let holders: LedgerProcess[]

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
beforeEach(async () => {
  group = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: TTL_MS } })
  ;[a, b, c] = await threeOf(group)
  holders = [a, b, c]
  writers = startWriters(() => holders)
})
afterEach(async () => {
  await writers.stop()
  await Promise.all([a, b, c].map(({ program }) => program.kill9()))
})
afterAll(stopAll)

/** Ends the writers and compares what they were told with the log and all replicas. */
async function expectNothingLost(): Promise<void> {
  await moreWrites(writers)
  const history = await writers.stop()
  const log = await replicasEqualLog(redis, group.name, holders)
  expect(problemsOf(history, log)).toEqual([])
}

/** Waits until the leader has named its heir: from then on there are a few milliseconds until that leads. */
async function heirNamed(): Promise<void> {
  const named = () => redis.command('HGET', group.keys.meta, 'heir')
  await eventually(async () => (await named()) !== null, { intervalMs: 0, message: 'an heir' })
}

/** Waits until one of the processes leads. */
async function leaderOf(...all: LedgerProcess[]): Promise<LedgerProcess> {
  return eventually(
    async () => {
      for (const each of all) if ((await each.look()).leads) return each
      return undefined
    },
    { message: 'a leader' },
  )
}

it('an heir that stands still: the leader goes on under the same term, and no write waits for it', async () => {
  await moreWrites(writers)
  const { term } = await a.look()
  holders = [a, c]
  await b.program.pause()
  const refused = switchover(c, { to: 'b', timeoutMs: 1000 })
  await moreWrites(writers)
  expect(await refused).toMatchObject(failedFor('TIMEOUT'))
  const { leads, happened } = await a.look()
  expect({ leads, happened }).toEqual({ leads: true, happened: [{ event: 'elected', term }] })
  b.program.resume()
  holders = [a, b, c]
  await expectNothingLost()
  expect(await switchover(a, { to: 'b' })).toMatchObject({ code: 'OK' }) // now it answers
  expect((await b.look()).leads).toBe(true)
})

it('an heir that is killed when it is named: somebody else leads, and nothing is lost', async () => {
  await moreWrites(writers)
  const told = switchover(a, { to: 'b', timeoutMs: 5000 })
  await heirNamed()
  await b.program.kill9()
  holders = [a, c]
  // It may have led for a moment.
  expect(['OK', 'SWITCHOVER_FAILED']).toContain((await told).code)
  await leaderOf(a, c)
  await expectNothingLost()
})

it('an heir that is stopped when it is named: somebody else leads; when it goes on it cannot write', async () => {
  await moreWrites(writers)
  const told = switchover(a, { to: 'b', timeoutMs: 5000 })
  await heirNamed()
  await b.program.pause()
  holders = [a, c]
  const other = await leaderOf(a, c)
  await moreWrites(writers)
  expect(['OK', 'SWITCHOVER_FAILED']).toContain((await told).code)
  b.program.resume()
  holders = [a, b, c]
  await eventually(async () => !(await b.look()).leads, { message: 'b to follow' })
  expect((await other.look()).leads).toBe(true)
  await expectNothingLost()
})

it('a leader that is killed before it has named the heir: the next leader carries the order out', async () => {
  await moreWrites(writers)
  await c.program.pause() // so that it waits for it
  const told = switchover(b, { to: 'c' })
  await eventually(async () => (await redis.command('HGET', group.keys.meta, 'switchover')) !== null)
  await a.program.kill9()
  holders = [b]
  expect(await leaderOf(b)).toBe(b)
  c.program.resume()
  expect(await told).toMatchObject({ code: 'OK', id: expect.stringMatching(/^c-/) })
  holders = [b, c]
  expect((await c.look()).leads).toBe(true)
  await expectNothingLost()
})

it('a leader that is killed when it has named the heir: the heir leads, and nothing is lost', async () => {
  await moreWrites(writers)
  const told = switchover(c, { to: 'b' })
  await heirNamed()
  await a.program.kill9()
  holders = [b, c]
  expect(await told).toMatchObject({ code: 'OK', id: expect.stringMatching(/^b-/) })
  expect((await b.look()).leads).toBe(true)
  await expectNothingLost()
})

it('what makes no sense is refused, with the reason, and the leader goes on', async () => {
  await moreWrites(writers)
  const { term } = await a.look()
  for (const asked of [a, b]) {
    expect(await switchover(asked, { to: 'a' })).toMatchObject(failedFor('LEADS_ALREADY'))
    expect(await switchover(asked, { to: 'nobody' })).toMatchObject(failedFor('UNKNOWN_INSTANCE'))
    await c.call('setEligible', false)
    expect(await switchover(asked, { to: 'c' })).toMatchObject(failedFor('NOT_ELIGIBLE'))
    await c.call('setEligible', true)
    expect(await switchover(asked, { to: 'not a name' })).toMatchObject({ code: 'INVALID_OPTIONS' })
  }
  await Promise.all([b.program.kill9(), c.call('setEligible', false)])
  holders = [a, c]
  expect(await switchover(c)).toMatchObject(failedFor('NO_CANDIDATE'))
  expect(await a.look()).toMatchObject({ leads: true, term })
  await expectNothingLost()
})

it('two at once: one of them wins, and the other is told', async () => {
  await moreWrites(writers)
  for (let n = 0; n < 5; n++) {
    const leader = await leaderOf(a, b, c)
    const [one, other] = [a, b, c].filter((each) => each !== leader) as [LedgerProcess, LedgerProcess]
    const told = await Promise.all([
      switchover(one, { to: one.name }).then((said) => [said, one] as const),
      switchover(other, { to: other.name }).then((said) => [said, other] as const),
    ])
    const codes = (said: Told) => said.reason ?? said.code
    expect(told.map(([said]) => codes(said)).toSorted()).toEqual(['OK', 'UNDER_WAY'])
    for (const [said, heir] of told) expect((await heir.look()).leads).toBe(said.code === 'OK')
  }
  await expectNothingLost()
})

it('a leader that must not lead any more hands over to the best other one, and does not come back', async () => {
  await moreWrites(writers)
  expect(await a.call('setEligible', false)).toEqual({ code: 'OK' })
  expect((await a.look()).leads).toBe(false)
  const next = await leaderOf(b, c)
  expect(await next.call('setEligible', false)).toEqual({ code: 'OK' })
  const last = await leaderOf(b, c)
  expect(last).not.toBe(next)
  expect(await last.call('setEligible', false)).toMatchObject(failedFor('NO_CANDIDATE'))
  await moreWrites(writers) // it leads on: better than nobody
  expect(await a.call('setEligible', true)).toEqual({ code: 'OK' })
  expect(await switchover(last)).toMatchObject({ code: 'OK', id: expect.stringMatching(/^a-/) })
  await expectNothingLost()
})

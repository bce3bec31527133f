import { type LedgerProcess, LedgerProcesses } from '../faults/ledger-process.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { failedFor, switchover, threeOf } from './operators.js'

/** Short, so that it runs out in a test: without a pause somebody would lead long before. */
const TTL_MS = 1000

let redis: RedisServer
let group: LedgerProcesses
let a: LedgerProcess
let b: LedgerProcess
let c: LedgerProcess

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
beforeEach(async () => {
  group = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: TTL_MS } })
  ;[a, b, c] = await threeOf(group)
  await a.write('before')
})
afterEach(() => Promise.all([a, b, c].map(({ program }) => program.kill9())))
afterAll(stopAll)

const leaseIsFree = async () => (await redis.command('EXISTS', group.keys.lease)) === 0
const paused = async (process: LedgerProcess) => (await process.call<{ paused: boolean }>('status')).paused

/** Waits until the lease is free, and then for as long as an election would take at the very most. */
async function expectNobodyToLead(...all: LedgerProcess[]): Promise<void> {
  await eventually(leaseIsFree, { message: 'the lease to run out' })
  const startedMs = performance.now()
  while (performance.now() < startedMs + 1500) {
    expect(await leaseIsFree()).toBe(true)
    for (const each of all) expect((await each.look()).leads).toBe(false)
  }
}

it('a leader that is killed is not replaced until the pause ends; reads go on', async () => {
  expect(await b.call('pause', {})).toEqual({ code: 'OK' })
  for (const each of [a, b, c]) await eventually(() => paused(each), { message: `${each.name} to know` })
  expect(await a.write('while it is paused')).toMatchObject({ code: 'OK', place: 2 })
  await eventually(async () => (await c.look()).index === 2)
  await a.program.kill9()
  await expectNobodyToLead(b, c)
  expect((await c.ledger()).items).toEqual(['before', 'while it is paused'])
  expect(await b.write('nobody takes it')).toMatchObject({ code: 'NOT_LEADER' })
  expect(await switchover(b, { to: 'b' })).toMatchObject({ code: 'NO_LEADER' })

  expect(await c.call('resume')).toEqual({ code: 'OK' })
  const leads = () => Promise.all([b, c].map(async (each) => (await each.look()).leads))
  await eventually(async () => (await leads()).includes(true), { message: 'somebody to lead' })
})

it('a pause with an end ends by itself', async () => {
  const startedMs = performance.now()
  expect(await b.call('pause', { forMs: 4000 })).toEqual({ code: 'OK' })
  await a.program.kill9()
  await eventually(leaseIsFree, { message: 'the lease to run out' })
  await eventually(async () => (await b.look()).leads || (await c.look()).leads, { message: 'a leader' })
  expect(performance.now() - startedMs).toBeGreaterThan(3900)
  expect(await paused(b)).toBe(false)
})

it('a pause outlives all instances: they start, serve reads, and wait', async () => {
  expect(await b.call('pause', {})).toEqual({ code: 'OK' })
  await Promise.all([a, b, c].map(({ program }) => program.kill9()))
  ;[a, b, c] = await threeOf(group)
  await expectNobodyToLead(a, b, c)
  for (const each of [a, b, c]) {
    expect(await paused(each)).toBe(true)
    expect((await each.ledger()).items).toEqual(['before'])
  }
  expect(await a.call('resume')).toEqual({ code: 'OK' })
  await eventually(
    async () => (await Promise.all([a, b, c].map((each) => each.look()))).some(({ leads }) => leads),
    { message: 'a leader' },
  )
  for (const each of [a, b, c]) await eventually(async () => !(await paused(each)))
})

it('a leader that lost its lease while it stood still leads again; nobody else does', async () => {
  expect(await b.call('pause', {})).toEqual({ code: 'OK' })
  const { term } = await a.look()
  await a.program.pause()
  await expectNobodyToLead(b, c)
  a.program.resume()
  await eventually(
    async () => {
      const look = await a.look()
      return look.leads && look.term > term
    },
    { message: 'a to lead again' },
  )
  expect(await a.write('after')).toMatchObject({ code: 'OK', place: 2 })
})

it('a leader that stops leaves the place empty; to move it first there is a switchover to a named instance', async () => {
  expect(await a.call('pause', {})).toEqual({ code: 'OK' })
  expect(await switchover(c)).toMatchObject(failedFor('PAUSED'))
  expect(await switchover(c, { to: 'b' })).toMatchObject({ code: 'OK', id: expect.stringMatching(/^b-/) })
  expect((await b.look()).leads).toBe(true)
  expect(await b.call('stop')).toEqual({ code: 'OK' })
  await expectNobodyToLead(a, c)
  expect(await c.call('resume')).toEqual({ code: 'OK' })
  await eventually(async () => (await a.look()).leads || (await c.look()).leads, { message: 'a leader' })
})

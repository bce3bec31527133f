import { eventually } from '../../../../test/support/deadline.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import type { Lease, LeaseNotice } from '../../src/elect/lease.js'
import type { Parts } from '../../src/parts.js'
import { OpenParts, type Server, servers } from './servers.js'

const open = new OpenParts()

afterEach(() => open.close())
afterAll(stopAll)

describe.each(servers)('the lease of %s', (_name, start) => {
  let server: Server
  let a: Parts & { readonly id: string }
  let b: Parts & { readonly id: string }

  beforeAll(async () => {
    server = await start()
  })

  beforeEach(async () => {
    await server.wipe()
    a = await open.of(server, 'a')
    b = await open.of(server, 'b')
  })

  async function takenBy({ leases }: Parts): Promise<Lease> {
    const lease = await leases.acquire()
    if (!lease) throw new Error('The lease is held')
    return lease
  }

  /** What an instance hears, and a way to know that it hears: a notice of its own has come back. */
  async function heardBy({ leases }: Parts): Promise<LeaseNotice[]> {
    const heard: LeaseNotice[] = []
    leases.onNotice((notice) => heard.push(notice))
    await eventually(() => {
      leases.announceOrders()
      return heard.length > 0
    })
    return heard
  }

  it('goes to one at a time, and to another one once it is given back', async () => {
    const lease = await takenBy(a)
    expect(await b.leases.acquire()).toBeUndefined()
    const { vacantInMs } = await b.leases.look()
    expect(vacantInMs).toBeGreaterThan(0)
    expect(vacantInMs).toBeLessThanOrEqual(1000)
    await a.leases.release(lease)
    expect((await b.leases.look()).vacantInMs).toBe(0)
    expect((await takenBy(b)).value).not.toBe(lease.value)
  })

  it('has a deadline that lies before its end, from when it was asked for', async () => {
    const beforeMs = a.clock.now()
    const { deadlineMs } = await takenBy(a)
    expect(deadlineMs).toBeGreaterThanOrEqual(beforeMs + 900)
    expect(deadlineMs).toBeLessThanOrEqual(a.clock.now() + 900)
  })

  it('ends by itself', async () => {
    await takenBy(a)
    const next = await eventually(() => b.leases.acquire())
    expect(next.value).not.toBe('')
  })

  it('is renewed by its holder alone, and set again where it is gone', async () => {
    const lease = await takenBy(a)
    const renewed = await a.leases.renew(lease)
    expect(renewed?.value).toBe(lease.value)
    expect(renewed?.deadlineMs).toBeGreaterThanOrEqual(lease.deadlineMs)
    await server.wipe()
    expect(await a.leases.renew(lease)).toBeDefined()
    expect(await b.leases.acquire()).toBeUndefined()
    await server.wipe()
    const others = await takenBy(b)
    expect(await a.leases.renew(lease)).toBeUndefined()
    // It is over, so the other one's stays.
    await expect(a.leases.release(lease)).rejects.toBeInstanceOf(Error)
    expect(await b.leases.renew(others)).toBeDefined()
  })

  it('is not renewed after its deadline', async () => {
    const lease = await takenBy(a)
    expect(await a.leases.renew({ ...lease, deadlineMs: a.clock.now() })).toBeUndefined()
  })

  it('is taken from exactly one holder, and all are told who should run first', async () => {
    const lease = await takenBy(a)
    const heard = await heardBy(a)
    expect(await b.leases.depose('another', 'b-1')).toBe(false)
    expect(await b.leases.depose(lease.value, 'b-1')).toBe(true)
    expect(await b.leases.depose(lease.value, 'b-1')).toBe(false)
    await eventually(() => heard.some(({ kind }) => kind === 'vacant'))
    expect(heard.filter(({ kind }) => kind === 'vacant')).toEqual([
      { kind: 'vacant', reason: 'deposed', heir: 'b-1' },
    ])
    await takenBy(b)
  })

  it('is given back with a reason, and whoever leads says so', async () => {
    const lease = await takenBy(a)
    const heard = await heardBy(b)
    a.leases.announceLeader()
    await a.leases.release(lease, 'switchover')
    await eventually(() => heard.some(({ kind }) => kind === 'vacant'))
    expect(heard.filter(({ kind }) => kind !== 'orders')).toEqual([
      { kind: 'taken' },
      { kind: 'vacant', reason: 'switchover', heir: undefined },
    ])
  })

  it('shows who is there, and who has gone, but nothing of whom it has not seen', async () => {
    expect(await b.leases.isPresent('nobody')).toBeUndefined()
    await eventually(() => b.leases.isPresent(a.id))
    await a.leases.close()
    await eventually(async () => (await b.leases.isPresent(a.id)) === false)
  })

  it('says nothing of anybody after the server was gone, until it has seen them again', async () => {
    const gone = await open.of(server, 'gone')
    await eventually(() => b.leases.isPresent(gone.id))
    await Promise.all([server.restart(), gone.leases.close()])
    await eventually(() => b.leases.isPresent(a.id))
    expect(await b.leases.isPresent(gone.id)).toBeUndefined()
  })
})

import { eventually } from '../../../../test/support/deadline.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import type { Member } from '../../src/elect/members.js'
import type { Parts } from '../../src/parts.js'
import type { Acknowledgement, RangeNotice } from '../../src/replicate/job-transport.js'
import { OpenParts, type Server, servers } from './servers.js'

const open = new OpenParts()
const never = new AbortController().signal

afterEach(() => open.close())
afterAll(stopAll)

const member = (id: string, index = 0): Member => ({
  ...{ id, name: id, url: undefined, publicUrl: undefined, role: 'follower', index, term: 0, ahead: false },
  ...{ applied: { term: 0, index }, eligible: true, priority: 0, load: 0.5, version: 1, secretVersion: '' },
})

describe.each(servers)('the group in %s', (_name, start) => {
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

  describe('its members', () => {
    it('see each other, and for how long each has been silent', async () => {
      await a.members.publish(member('a', 3))
      const both = await b.members.publish(member('b'))
      expect(new Map(both.map(({ id, index }) => [id, index]))).toEqual(
        new Map([
          ['a', 3],
          ['b', 0],
        ]),
      )
      await eventually(async () => (await b.members.list()).every(({ silentMs }) => silentMs > 20))
      const again = (await a.members.publish(member('a', 4))).find(({ id }) => id === 'a')
      expect(again).toMatchObject({ ...JSON.parse(JSON.stringify(member('a', 4))), silentMs: 0 })
      await b.members.remove('a')
      expect((await a.members.list()).map(({ id }) => id)).toEqual(['b'])
    })
  })

  describe('its orders', () => {
    /** Somebody leads; the claim that it made. */
    async function led(): Promise<{ term: number; nonce: string }> {
      const lease = await a.leases.acquire()
      const connection = await a.log.openTerm(never)
      const outcome = await connection.claim({
        ...{ expectedTerm: await connection.storedTerm(), floor: 0, reason: undefined, appVersion: 1 },
        ...{ leader: { id: 'a', url: undefined, publicUrl: undefined }, leaseValue: lease?.value ?? '' },
      })
      if (outcome.kind !== 'claimed') throw new Error(outcome.kind)
      return outcome.claim
    }

    it('are none at first', async () => {
      expect(await a.orders.read()).toEqual({
        ...{ paused: false, pauseLeftMs: undefined, claimantId: undefined, heir: undefined },
        switchover: undefined,
      })
    })

    it('are one switchover at a time, which ends once', async () => {
      await led()
      expect(await a.orders.orderSwitchover('1', 'b', 60_000)).toBe(true)
      expect(await b.orders.orderSwitchover('2', '', 60_000)).toBe(false)
      const { switchover, claimantId } = await b.orders.read()
      expect({ switchover, claimantId }).toEqual({
        switchover: { id: '1', to: 'b', from: 'a', outcome: '', leftMs: expect.any(Number) },
        claimantId: 'a',
      })
      expect(switchover?.leftMs).toBeGreaterThan(50_000)
      expect(await b.orders.endSwitchover('2', 'done')).toBe(false)
      expect(await b.orders.endSwitchover('1', 'done')).toBe(true)
      expect(await a.orders.endSwitchover('1', 'failed')).toBe(false)
      expect((await a.orders.read()).switchover?.outcome).toBe('done')
      expect(await b.orders.orderSwitchover('2', '', 1)).toBe(true)
      await eventually(() => b.orders.orderSwitchover('3', '', 60_000)) // the second one has had its time
    })

    it('have an heir that the leader names, until a switchover is ordered', async () => {
      const claim = await led()
      expect(await a.orders.nameHeir({ ...claim, nonce: 'other' }, 'b', 1000)).toBe(false)
      expect(await a.orders.nameHeir({ ...claim, term: claim.term - 1 }, 'b', 1000)).toBe(false)
      expect(await a.orders.nameHeir(claim, 'b', 60_000)).toBe(true)
      const { heir } = await b.orders.read()
      expect(heir?.id).toBe('b')
      expect(heir?.leftMs).toBeGreaterThan(50_000)
      await b.orders.orderSwitchover('1', '', 1000)
      expect((await b.orders.read()).heir).toBeUndefined()
    })

    it('pause the group until that is ended, or for a while', async () => {
      await a.orders.pause(undefined)
      expect(await b.orders.read()).toMatchObject({ paused: true, pauseLeftMs: undefined })
      await b.orders.resume()
      expect(await a.orders.read()).toMatchObject({ paused: false, pauseLeftMs: undefined })
      await a.orders.pause(60_000)
      const { paused, pauseLeftMs } = await b.orders.read()
      expect(paused).toBe(true)
      expect(pauseLeftMs).toBeGreaterThan(50_000)
      await a.orders.pause(1)
      await eventually(async () => !(await b.orders.read()).paused)
    })
  })

  describe('its notices', () => {
    async function receiving(parts: Parts, id: string): Promise<RangeNotice[]> {
      const received: RangeNotice[] = []
      await parts.transport.open(id, async (notice) => void received.push(notice), never)
      return received
    }

    it('reach the one that they are for, in order, and tell the leader back', async () => {
      const [toA, toB] = await Promise.all([receiving(a, 'a'), receiving(b, 'b')])
      const told: Acknowledgement[] = []
      a.transport.onAcknowledged((acknowledgement) => told.push(acknowledgement))
      await a.transport.push('b', { term: 1, to: 5 })
      await a.transport.push('b', { term: 1, to: 7, snapshot: true })
      await eventually(() => toB.length === 2)
      expect(toB).toEqual([
        { term: 1, to: 5 },
        { term: 1, to: 7, snapshot: true },
      ])
      expect(toA).toEqual([])
      expect([...a.transport.pushedTo()]).toContain('b')
      await eventually(() => {
        void b.transport.acknowledge({ id: 'b', term: 1, index: 7 })
        return told.length > 0
      })
      expect(told[0]).toEqual({ id: 'b', term: 1, index: 7 })
    })

    it('come one at a time, and one that waits is not doubled', async () => {
      let running = 0
      let most = 0
      const received: RangeNotice[] = []
      await b.transport.open(
        'b',
        async (notice) => {
          most = Math.max(most, ++running)
          received.push(notice)
          await new Promise((resolve) => setImmediate(resolve))
          running--
        },
        never,
      )
      await receiving(a, 'a')
      await a.transport.push('c', { term: 1, to: 1 })
      await a.transport.push('c', { term: 1, to: 1 })
      for (let to = 1; to <= 20; to++) await a.transport.push('b', { term: 1, to })
      await eventually(() => received.length === 20)
      expect(most).toBe(1)
      const late = await receiving(await open.of(server, 'c'), 'c')
      await eventually(() => late.length > 0)
      await a.transport.push('c', { term: 1, to: 2 })
      await eventually(() => late.some(({ to }) => to === 2))
      expect(late.map(({ to }) => to)).toEqual([1, 2])
    })

    it('are gone with a queue that is removed; who is there is known by connections', async () => {
      await receiving(a, 'a')
      await receiving(b, 'b')
      const areThere = async () => {
        const present = await a.transport.present()
        return present.includes('a') && present.includes('b')
      }
      await eventually(areThere)
      await server.wipe()
      expect(await areThere()).toBe(true)
      await a.transport.push('gone', { term: 1, to: 1 })
      await a.transport.remove('gone')
      expect([...a.transport.pushedTo()]).not.toContain('gone')
      const late = await receiving(await open.of(server, 'gone'), 'gone')
      await a.transport.push('gone', { term: 1, to: 2 })
      await eventually(() => late.length > 0)
      expect(late).toEqual([{ term: 1, to: 2 }])
    })

    it('go on reaching an instance after the server has lost them', async () => {
      const toB = await receiving(b, 'b')
      await receiving(a, 'a')
      await server.wipe()
      await eventually(async () => {
        await a.transport.push('b', { term: 1, to: toB.length + 1 })
        return toB.length > 0
      })
      expect(toB[0]?.term).toBe(1)
    })
  })
})

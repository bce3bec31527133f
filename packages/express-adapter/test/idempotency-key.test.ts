import { OutcomeUnknownError } from '@leasehold/core'
import type { RouteWritesOptions } from '../src/index.js'
import { open, postJson, type Reply } from './support/http-client.js'
import { closeAll, cut, elect, EXPRESS, type Instance } from './support/instances.js'
import { type Handler, startRepeating } from './support/repeating-instances.js'
import type { RepeatingNode } from './support/repeating-node.js'
import { until } from './support/until.js'

afterEach(closeAll)

const KEY = { 'Idempotency-Key': 'k1' }

describe.each(EXPRESS)('an Idempotency-Key on %s', (_version, express) => {
  const start = (id: string, options?: RouteWritesOptions, handler?: Handler) =>
    startRepeating(express, id, options, handler)
  const named = async (leader: Instance<RepeatingNode>, headers: Record<string, string>, body: unknown) => {
    await postJson(leader.url, body, headers)
    return leader.node.ran.at(-1)
  }

  describe.each(['forward', 'redirect', 'reject'] as const)('in mode %s', (mode) => {
    const lead = async (options?: RouteWritesOptions, handler?: Handler) => {
      const leader = await start('leader', { mode, ...options }, handler)
      leader.node.lead(3)
      return leader
    }

    test('names the request for good, for its caller, and its body is remembered', async () => {
      const leader = await lead()
      const key = { ...KEY, Authorization: 'a' }
      const first = await named(leader, key, { x: 1 })
      expect(first).toMatchObject({ since: -1 })
      expect(await named(leader, key, { x: 1 })).toEqual(first)
      expect(await named(leader, key, { x: 2 })).toEqual({
        ...first,
        fingerprint: expect.not.stringMatching(first?.fingerprint ?? ''),
      })
      for (const other of [
        { ...key, 'Idempotency-Key': 'k2' },
        { ...key, Authorization: 'b' },
      ])
        expect((await named(leader, other, { x: 1 }))?.requestId).not.toBe(first?.requestId)
    })

    test('the caller is who identify says', async () => {
      const leader = await lead({ identify: (req) => req.get('X-Customer') })
      const first = await named(leader, { ...KEY, 'X-Customer': 'ann', Authorization: 'a' }, {})
      expect(await named(leader, { ...KEY, 'X-Customer': 'ann', Authorization: 'b' }, {})).toEqual(first)
      expect(await named(leader, { ...KEY, 'X-Customer': 'bob' }, {})).not.toEqual(first)
    })

    test('the body is there for the handler', async () => {
      const leader = await lead({}, (req, res) => void res.json(req.body))
      const body = { text: 'x'.repeat(50_000) }
      expect(await postJson(leader.url, body, KEY)).toMatchObject({ status: 200, json: body })
    })

    test('a repeat waits until the first has its answer, and then the handler runs again', async () => {
      const order: string[] = []
      let finish = () => {}
      const leader = await lead({}, async (req, res, node) => {
        const n = String(req.headers['x-n'])
        order.push(`${n} began`)
        if (n === '1') await new Promise<void>((resolve) => (finish = resolve))
        order.push(`${n} ends`)
        res.json({ opId: await node.write() })
      })
      const first = postJson(leader.url, {}, { ...KEY, 'X-N': '1' })
      await until('the first runs', () => order.length === 1)
      const repeats = ['2', '3'].map((n) => postJson(leader.url, {}, { ...KEY, 'X-N': n }))
      await postJson(leader.url, {}, { ...KEY, Authorization: 'another', 'X-N': 'other' })
      expect(order).toEqual(['1 began', 'other began', 'other ends'])
      finish()
      const replies = await Promise.all([first, ...repeats])
      expect(new Set(replies.map(({ json }) => json['opId'])).size).toBe(1)
      expect(order.slice(3, 4)).toEqual(['1 ends'])
      for (const n of ['2', '3']) expect(order.indexOf(`${n} ends`)).toBe(order.indexOf(`${n} began`) + 1)
    })

    test('another body while the first runs: 422 at once', async () => {
      let finish = () => {}
      const leader = await lead({}, async (_req, res) => {
        await new Promise<void>((resolve) => (finish = resolve))
        res.json({})
      })
      const first = postJson(leader.url, { x: 1 }, KEY)
      await until('the first runs', () => leader.node.ran.length === 1)
      expect(await postJson(leader.url, { x: 2 }, KEY)).toMatchObject({
        status: 422,
        json: { error: { code: 'KEY_REUSED' } },
      })
      finish()
      expect(await first).toMatchObject({ status: 200 })
    })

    test('a client that goes away frees its place', async () => {
      const leader = await lead({}, (req, res) => void (req.headers['x-n'] && res.json({})))
      const hangs = open(leader.url, { method: 'POST', headers: KEY })
      hangs.req.end()
      await until('the first runs', () => leader.node.ran.length === 1)
      const waits = open(leader.url, { method: 'POST', headers: KEY })
      waits.req.end()
      const last = open(leader.url, { method: 'POST', headers: { ...KEY, 'X-N': '3' } })
      last.req.end()
      waits.req.destroy()
      hangs.req.destroy()
      expect(await last.reply).toMatchObject({ status: 200 })
      expect(leader.node.ran).toHaveLength(2)
    })
  })

  test('is the same through a follower', async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    const direct = await named(leader, KEY, { x: 1 })
    await postJson(follower.url, { x: 1 }, KEY)
    expect(leader.node.ran.at(-1)).toEqual(direct)
  })

  test('a repeat that waited where nobody leads any more goes to the next leader, whole', async () => {
    const next = await start('next', {}, (req, res) => void res.json(req.body))
    const leader: Instance<RepeatingNode> = await start('leader', {}, async (_req, res, node) => {
      await new Promise<void>((resolve) => leader.node.once('leaderChanged', () => resolve()))
      await node.write().catch(() => {})
      res.json({ said: 'what nobody must hear' })
    })
    elect(3, leader, next)
    const first = postJson(leader.url, { x: 1 }, KEY)
    await until('the first runs', () => leader.node.ran.length === 1)
    const repeat = postJson(leader.url, { x: 1 }, KEY)
    const other = postJson(leader.url, { x: 1 }, { 'Idempotency-Key': 'k2' })
    await until('the other runs', () => leader.node.ran.length === 2)
    elect(4, next, leader)
    for (const asked of [first, repeat, other])
      expect(await asked).toMatchObject({ status: 200, json: { x: 1 } })
    expect(leader.node.ran).toHaveLength(2)
  })

  describe('whose outcome was unknown', () => {
    const askAgain = async (body: unknown, headers: Record<string, string> = {}) => {
      const leader = await start('leader', { resend: false }, (req, res) => {
        if (req.headers['idempotency-key']) res.json({})
        else cut(req.socket)
      })
      const follower = await start('follower', { resend: false })
      elect(3, leader, follower)
      const unknown: Reply = await postJson(follower.url, { x: 1 }, headers)
      expect(unknown).toMatchObject({ status: 504, json: { error: { code: 'OUTCOME_UNKNOWN' } } })
      const { requestId } = unknown.json['error'] as { requestId: string }
      await postJson(follower.url, body, { 'Idempotency-Key': requestId })
      return leader.node.ran
    }

    test('can be asked for by the name that the answer gave', async () => {
      const [first, again] = await askAgain({ x: 1 })
      expect(first).toMatchObject({ since: { term: 2, index: 7 } })
      expect(again).toEqual(first)
    })

    test.each<[string, unknown, Record<string, string>]>([
      ['with another body', { x: 2 }, {}],
      ['by another caller', { x: 1 }, { Authorization: 'somebody' }],
    ])('but not %s', async (_why, body, headers) => {
      const [first, again] = await askAgain(body, headers)
      expect(again).toMatchObject({ requestId: first?.requestId })
      expect(again?.fingerprint).not.toBe(first?.fingerprint)
    })
  })

  test('where the leader says that it does not know what became of a write, its answer names the request', async () => {
    const leader = await start('leader', {}, async (_req, _res, node) => {
      node.answer = (opId) => Promise.reject(new OutcomeUnknownError(opId, 'No answer'))
      await node.write()
    })
    leader.node.lead(3)
    const { json } = await postJson(leader.url, {})
    const { requestId } = leader.node.ran[0] ?? {}
    expect(json).toMatchObject({ error: { code: 'OUTCOME_UNKNOWN', requestId, opId: `${requestId}.0` } })
  })
})

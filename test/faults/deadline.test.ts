import { eventually, once } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { callOf, LedgerGroup, type Member } from './ledger-group.js'
import { type LedgerProcess, LedgerProcesses } from './ledger-process.js'
import { type Answer, readLog, replicasEqualLog } from './ledger.js'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(stopAll)

describe('a leader whose event loop was blocked past its deadline', () => {
  const ttlMs = 1000

  it('does not lead at its first look, and refuses what was submitted before and right after', async () => {
    const { processes, blocked } = await lone(redis.url)
    const { term, leads, answers } = await block(blocked, ttlMs + 200)
    expect(leads).toBe(false)
    expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 'NOT_LEADER'))
    expect(answers[0]).toMatchObject({ message: expect.stringMatching('lease had run out') })

    const next = await blocked.leads()
    expect(next.happened).toContainEqual({ event: 'demoted', term, reason: 'expired' })
    expect(next.term).toBeGreaterThan(term)
    await blocked.write('led again')
    expect(await readLog(redis, processes.name)).toEqual([{ index: 1, term: next.term, item: 'led again' }])
  })

  it('is not revived by a renewal that has succeeded, but whose reply it reads too late', async () => {
    const way = await startProxy({ targetPort: redis.port })
    const { processes, blocked } = await lone(`redis://127.0.0.1:${way.port}`)
    await way.holdWhen('toServer', callOf('renewLease'))
    const blockMs = ttlMs * 0.8
    const reply = block(blocked, blockMs)
    await blocked.program.next(({ blocking }) => blocking === true)
    way.release()
    const outlastsBlock = async () => Number(await redis.command('PTTL', processes.keys.lease)) > blockMs
    await eventually(outlastsBlock, { message: 'the renewal' })

    const { leads, answers } = await reply
    expect(leads).toBe(false)
    expect(answers.map(({ code }) => code)).not.toContain('OK')
    expect(await readLog(redis, processes.name)).toEqual([])
  })

  /** A leader without rivals: only its own deadline stands between it and its old term. */
  async function lone(leaseUrl: string): Promise<{ processes: LedgerProcesses; blocked: LedgerProcess }> {
    const processes = new LedgerProcesses({ redis: redis.url, lease: { redis: leaseUrl, ttlMs } })
    return { processes, blocked: await processes.add('blocked') }
  }

  /** Has it block itself; see `ledger-member.mjs`. */
  function block(member: LedgerProcess, ms: number) {
    return member.call<{ term: number; leads: boolean; answers: Answer[] }>('block', ms)
  }
})

describe('G10: a leader that Redis does not answer', () => {
  const ttlMs = 2000
  let group: LedgerGroup
  let leader: Member
  let heir: Member

  beforeEach(async () => {
    group = new LedgerGroup(redis)
    leader = await group.add('leader', { ttlMs })
    heir = await group.add('heir', { ttlMs })
  })
  afterEach(() => group.stop())

  it('steps down by its own deadline, before its lease is over and anyone else can be elected', async () => {
    const { term } = leader.node
    const demoted = timeOf(leader, 'demoted')
    const elected = timeOf(heir, 'elected')
    leader.log.halfOpen()
    leader.lease.halfOpen()
    const overMs = performance.now() + Number(await redis.command('PTTL', group.keys.lease))
    expect(overMs - performance.now()).toBeGreaterThan(ttlMs / 2)

    expect(await demoted).toBeLessThan(overMs)
    expect(await elected).toBeGreaterThan(await demoted)
    expect(leader.happened.at(-1)).toEqual({ event: 'demoted', term, reason: 'expired' })
    expect(await heir.write('by the heir')).toMatchObject({ code: 'OK' })
    leader.reconnect()
    await replicasEqualLog(redis, group.name, group.members)
  })

  it('leads again, though its connections have gone mute for ever without being closed', async () => {
    const { term } = leader.node
    await heir.node.stop()
    const demoted = once(leader.node, 'demoted')
    leader.log.halfOpen()
    leader.lease.halfOpen()
    await demoted
    for (const way of [leader.log, leader.lease]) way.heal() // for new connections only
    expect(await leader.leads()).toBeGreaterThan(term)
    expect(await leader.write('on a new connection')).toMatchObject({ code: 'OK' })
  })

  it('steps down when nobody gets an answer, and somebody leads again once Redis goes on', async () => {
    const { term } = leader.node
    const demoted = timeOf(leader, 'demoted')
    await redis.pause()
    const pausedMs = performance.now()
    try {
      expect((await demoted) - pausedMs).toBeLessThan(ttlMs)
      expect(leader.happened.at(-1)).toEqual({ event: 'demoted', term, reason: 'expired' })
    } finally {
      redis.resume()
    }
    const next = await group.leader()
    expect(next.node.term).toBeGreaterThan(term)
    expect(await next.write('after the silence')).toMatchObject({ code: 'OK' })
    await replicasEqualLog(redis, group.name, group.members)
  })

  /** Resolves with the monotonic time at which the event came. */
  async function timeOf({ node }: Member, event: 'elected' | 'demoted'): Promise<number> {
    await once(node, event)
    return performance.now()
  }
})

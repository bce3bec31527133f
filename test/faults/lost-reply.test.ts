import { eventually, once, within } from '../support/deadline.js'
import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import type { TcpProxy } from '../support/tcp-proxy.js'
import { callOf, LedgerGroup, LOG_ALL, type Member, scriptsRun } from './ledger-group.js'
import { problemsOf, readLog, replicasEqualLog, startWriters } from './ledger.js'

const isAppend = callOf('append')

let redis: RedisServer
let group: LedgerGroup
let leader: Member

beforeAll(async () => {
  redis = await startRedis({ args: LOG_ALL })
})
beforeEach(async () => {
  group = new LedgerGroup(redis)
  leader = await group.add('leader')
})
afterEach(() => group.stop())
afterAll(stopAll)

/** Has the next append run, and its reply lost with the connection. Resolves when that has happened. */
const loseReply = ({ log }: Member) => log.cutAfterReplyTo(isAppend)
/** Has the next append lost on its way, with the connection. */
const loseAppend = ({ log }: Member) => log.cutWhen('toServer', isAppend)

describe('a leader whose connection breaks and that claims anew', () => {
  it('G3: acknowledges an append that ran, with its result, and writes it once', async () => {
    const { term } = leader.node
    const lost = loseReply(leader)
    const answer = leader.write('ran')
    await lost

    expect(await answer).toEqual({ code: 'OK', place: 1, index: 1, term })
    await claimedAnew(term)
    expect(await readLog(redis, group.name)).toEqual([{ index: 1, term, item: 'ran' }])
  })

  it('G3: sends an append again that never arrived, under its new term, and writes it once', async () => {
    const { term } = leader.node
    const lost = loseAppend(leader)
    const answer = leader.write('did not run')
    await lost

    const next = await claimedAnew(term)
    expect(await answer).toEqual({ code: 'OK', place: 1, index: 1, term: next })
    expect(await readLog(redis, group.name)).toEqual([{ index: 1, term: next, item: 'did not run' }])
  })

  it.each([
    ['the reply to the first is lost', loseReply, [150, 300]],
    ['the first is lost on its way', loseAppend, [0]],
  ])('G3, G5: with two appends on the way, where %s, writes all once and in order', async (_, fault, ran) => {
    const { term } = leader.node
    const lost = fault(leader)
    const items = Array.from({ length: 300 }, (_, i) => `item ${i}`)
    const answers = Promise.all(items.map((item) => leader.write(item)))
    await lost

    const next = await claimedAnew(term)
    expect((await answers).map(({ code }) => code)).toEqual(items.map(() => 'OK'))
    const log = await readLog(redis, group.name)
    expect(log.map(({ item }) => item)).toEqual(items)
    // Two batches of 150: both ran, the first alone, or none.
    expect(ran).toContain(log.filter((entry) => entry.term === term).length)
    expect(log.every((entry) => entry.term === term || entry.term === next)).toBe(true)
  })

  it('G3, G6: both, 20 times each in any order and under load: every write lands once', async () => {
    await group.add('follower')
    const writers = startWriters(() => [leader])
    const random = seededRandom(7)
    const faults = [...Array(20).fill(loseReply), ...Array(20).fill(loseAppend)] as (typeof loseReply)[]
    faults.sort(() => random() - 0.5)
    for (const fault of faults) {
      const { term } = leader.node
      await fault(leader)
      await claimedAnew(term)
    }

    const history = await writers.stop()
    expect(history.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
    const results = history.reduce((sum, { position = 0 }) => sum + position, 0)
    expect(results).toBe((history.length * (history.length + 1)) / 2)
    const log = await replicasEqualLog(redis, group.name, group.members)
    expect(problemsOf(history, log)).toEqual([])
  })

  /** Waits until the leader has a later term, and returns that. */
  async function claimedAnew(term: number): Promise<number> {
    await eventually(() => leader.node.isLeader && leader.node.term > term, { message: 'a new claim' })
    const next = leader.node.term
    expect(leader.happened.slice(-2)).toEqual([
      { event: 'demoted', term, reason: 'disconnected' },
      { event: 'elected', term: next },
    ])
    return next
  }
})

describe('an append that is still under way when its term is over', () => {
  it('G2, G6: is fenced by the new claim of its own leader, which sends the write again, and lands once', async () => {
    const { term } = leader.node
    const answer = await writeUnderWay()
    const again = leader.log.holdWhen('toServer', isAppend)
    leader.log.detachHeld()
    await within(again) // no entry of the new term protects the log yet
    await redis.command('SLOWLOG', 'RESET')
    await leader.log.deliverHeld()
    expect(await scriptsRun(redis)).toContainEqual(expect.stringContaining('under way'))

    leader.log.release()
    expect(await answer()).toMatchObject({ code: 'OK', place: 1, term: leader.node.term })
    expect(leader.node.term).toBeGreaterThan(term)
    expect(await itemsInLog()).toEqual(['under way'])
  })

  it.each([
    { socket: 'closed', deliver: (log: TcpProxy) => (log.detachHeld(), log.deliverHeld()) },
    { socket: 'open', deliver: (log: TcpProxy) => log.release() },
  ])(
    'G3: may run on the $socket socket of a leader that has stepped down, and is answered from the log',
    async ({ deliver }) => {
      const answer = await writeUnderWay()
      const demoted = once(leader.node, 'demoted')
      leader.lease.halfOpen()
      await demoted
      await deliver(leader.log)
      expect(await answer()).toMatchObject({ code: 'OK', place: 1 })
      expect(await itemsInLog()).toEqual(['under way'])
    },
  )

  /** Has the leader send a write that gets stuck on the way. */
  async function writeUnderWay() {
    const stuck = leader.log.holdWhen('toServer', isAppend)
    const answer = leader.write('under way')
    await stuck
    return () => answer
  }
})

describe('a leader whose connection breaks and that is replaced before it can look', () => {
  it.each([
    {
      what: 'acknowledges an append that ran',
      fault: loseReply,
      code: 'OK',
      inLog: ['write', 'by the heir'],
    },
    { what: 'refuses an append that did not', fault: loseAppend, code: 'NOT_LEADER', inLog: ['by the heir'] },
  ])('G3: $what, once it sees who leads', async ({ fault, code, inLog }) => {
    const heir = await group.add('heir')
    let answered = false
    const bit = fault(leader)
    const answer = leader.write('write').finally(() => (answered = true))
    await bit
    leader.log.hold('toServer')
    leader.lease.halfOpen()
    await heir.leads()
    await heir.write('by the heir')
    expect(answered).toBe(false)

    leader.reconnect()
    expect(await answer).toMatchObject({ code })
    const log = await replicasEqualLog(redis, group.name, group.members)
    expect(log.map(({ item }) => item)).toEqual(inLog)
  })
})

describe('a leader whose append ran and was lost by Redis, reply and entry', () => {
  it('G3: says that the outcome is unknown when Redis came back with an earlier state, and goes on', async () => {
    await leader.write('kept')
    await redis.command('SAVE')
    expect(await loseWithRestart()).toEqual(['kept'])
    await leader.leads()
    expect(await leader.write('after')).toMatchObject({ code: 'OK', place: 2 })
  })

  it('G3: says that the outcome is unknown when Redis came back empty', async () => {
    expect(await loseWithRestart()).toEqual([])
  })

  /** Loses a write's reply, then its entry; returns what Redis has kept. */
  async function loseWithRestart(): Promise<string[]> {
    const lost = loseReply(leader)
    const answer = leader.write('lost')
    await lost
    leader.log.hold('toServer') // it must not look before Redis has forgotten
    expect(await itemsInLog()).toContain('lost')
    await redis.restart()
    const kept = await itemsInLog()
    leader.log.release()
    expect(await answer).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    return kept
  }
})

async function itemsInLog(): Promise<string[]> {
  return (await readLog(redis, group.name)).map(({ item }) => item)
}

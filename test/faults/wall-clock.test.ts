import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/deadline.js'
import { stopAllPrograms } from '../support/program.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type LedgerProcess, LedgerProcesses } from './ledger-process.js'
import { problemsOf, replicasEqualLog, startWriters, type Writers } from './ledger.js'

const TTL_MS = 1500 // a busy machine may leave a process without the processor for a few hundred ms
const HOUR_MS = 3_600_000

let redis: RedisServer
let processes: LedgerProcesses
let leader: LedgerProcess
let followers: LedgerProcess[]
let all: LedgerProcess[]

beforeAll(async () => {
  redis = await startRedis()
})
beforeEach(async () => {
  processes = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: TTL_MS } })
  leader = await processes.add('leader')
  followers = await Promise.all(['follower-1', 'follower-2'].map((name) => processes.add(name)))
  all = [leader, ...followers]
})
afterEach(stopAllPrograms)
afterAll(stopAll)

it('clocks that jump by an hour either way leave an idle leader its term', async () => {
  await expectSameTermThroughJumps()
})

it('clocks that jump by an hour either way leave a writing leader its term, and every write its place', async () => {
  const writers = startWriters(() => [leader])
  await expectSameTermThroughJumps()
  await expectMoreWrites(writers)
  await expectNothingLost(writers, all)
})

it('G10: clocks that are two hours apart do not delay the failover from a killed leader, nor lose a write', async () => {
  const { term } = await leader.look()
  const [ahead, behind] = followers as [LedgerProcess, LedgerProcess]
  await shift([ahead, HOUR_MS], [behind, -HOUR_MS])
  const writers = startWriters(() => all)
  await expectMoreWrites(writers)
  await leader.program.kill9()
  const looks = async () => Promise.all(followers.map((follower) => follower.look()))
  const elected = async () => (await looks()).find((look) => look.leads && look.term > term)
  await eventually(elected, { timeoutMs: TTL_MS + 10_000, message: 'the failover' })
  await expectMoreWrites(writers)
  await expectNothingLost(writers, followers)
})

/** Has the clocks jump, the leader's and its followers' against each other, each time for long enough to lose a lease. */
async function expectSameTermThroughJumps(): Promise<void> {
  const { term } = await leader.leads()
  for (const ms of [HOUR_MS, -HOUR_MS, 0]) {
    await shift([leader, ms], ...followers.map((follower): [LedgerProcess, number] => [follower, -ms]))
    await sleep(1.5 * TTL_MS)
    expect(await leader.look()).toMatchObject({ leads: true, happened: [{ event: 'elected', term }] })
  }
}

async function shift(...shifts: [LedgerProcess, number][]): Promise<void> {
  for (const [member, ms] of shifts) {
    const { nowMs } = await member.call<{ nowMs: number }>('shiftClock', ms)
    expect(Math.abs(nowMs - Date.now() - ms)).toBeLessThan(HOUR_MS / 10)
  }
}

async function expectMoreWrites(writers: Writers): Promise<void> {
  const { acknowledged } = writers
  await eventually(() => writers.acknowledged > acknowledged + 50, { message: 'writes to go on' })
}

async function expectNothingLost(writers: Writers, members: readonly LedgerProcess[]): Promise<void> {
  const history = await writers.stop()
  const log = await replicasEqualLog(redis, processes.name, members)
  expect(problemsOf(history, log)).toEqual([])
}

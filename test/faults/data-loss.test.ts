import { checkLists } from '../support/check-lists.js'
import { checkRegisters } from '../support/check-registers.js'
import { checkSessions } from '../support/check-sessions.js'
import { converged } from '../support/converged.js'
import { eventually } from '../support/deadline.js'
import { type InstanceGroup, startGroup } from '../support/instances.js'
import { type LoadOptions, loadKeys, startLoad } from '../support/load.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { backUp } from '../retention/old-copy.js'
import type { LedgerHolder } from './ledger.js'
import { LedgerProcesses } from './ledger-process.js'

/** Redis loses everything under load, again and again, while the instances live. It needs a build. */

const LOSSES = 3

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'no' })
})
afterAll(stopAll)

async function restartEmpty(): Promise<void> {
  await redis.kill()
  await redis.restart()
}

it.each<[string, string, (group: InstanceGroup) => Promise<unknown>]>([
  ['is flushed', 'log', () => redis.wipe()],
  ['is killed and starts empty', 'log', restartEmpty],
  [
    'is killed together with the leader, and starts empty',
    '1',
    async (group) => {
      const leader = await group.leader()
      await Promise.all([leader.kill9(), restartEmpty()])
      await group.add()
    },
  ],
])(
  `G3–G7: when Redis %s, ${LOSSES} times over, nothing is lost or doubled that was acknowledged`,
  async (_name, writeConcern, lose) => {
    const group = await startGroup({ redis, ttlMs: 1000, env: { WRITE_CONCERN: writeConcern } })
    const options: LoadOptions = { urls: group.urls, clients: 6, seed: 1, timeoutMs: 20_000 }
    const load = startLoad(options)
    const pushes = () => load.history.filter(({ kind, outcome }) => kind === 'push' && outcome === 'ok')
    const meta = `leasehold:{${group.name}}:meta`
    /** Waits until pushes were acknowledged that began after this call, and returns the term of the last one. */
    const goesOn = async () => {
      const fromMs = performance.now()
      const later = () => pushes().filter(({ startMs }) => startMs > fromMs)
      await eventually(() => later().length > 50, { timeoutMs: 30_000, message: 'pushes to go on' })
      return later().at(-1)?.term
    }

    const terms = [await goesOn()]
    const logId = await redis.command('HGET', meta, 'logId')
    for (let loss = 1; loss <= LOSSES; loss++) {
      await lose(group)
      terms.push(await goesOn())
      expect(await redis.command('HGET', meta, 'logId')).toBe(logId)
      // Put back, and not merely kept: the log begins behind a snapshot.
      expect(Number(await redis.command('HGET', meta, 'snapshotIndex'))).toBeGreaterThan(0)
    }
    const history = await load.stop()
    expect(new Set(terms).size).toBe(LOSSES + 1)

    const replicas = await converged(group.instances, loadKeys(options))
    const errors = history.filter(({ outcome }) => outcome !== 'ok').length
    process.stdout.write(`${LOSSES} losses: ${history.length} requests, ${errors} errors\n`)
    expect(replicas).toHaveLength(3)
    expect(checkLists(history, replicas)).toEqual([])
    expect(checkRegisters(history)).toEqual([])
    expect(checkSessions(history)).toEqual([])
    await group.stopAll()
  },
  180_000,
)

it('G2, G7: a leader that stood still while Redis fell back, and the others put the rest back, is fenced', async () => {
  const forgetful = await startRedis({ appendOnly: 'always' })
  const processes = new LedgerProcesses({ redis: forgetful.url, lease: { ttlMs: 1000 } })
  const leader = await processes.add('leader')
  const others = [await processes.add('b'), await processes.add('c')]
  let written = 0
  const write = async (holder: LedgerHolder, count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => holder.write(`item-${written++}`)))
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['OK']))
  }
  const have = async (holders: readonly LedgerHolder[], count: number) =>
    eventually(async () => {
      const ledgers = await Promise.all(holders.map((holder) => holder.ledger()))
      return ledgers.every(({ items }) => items.length >= count) && ledgers
    })

  await write(leader, 30)
  const rollBack = await backUp(forgetful)
  await write(leader, 20)
  await have(others, 50)
  const { term } = await leader.look()
  await leader.program.pause()
  const late = leader.write('late')
  await rollBack()
  const next = await eventually(async () => {
    const looks = await Promise.all(others.map((other) => other.look()))
    return others.find((_, at) => looks[at]?.leads)
  })
  expect((await next.look()).warnings.map(({ code }) => code)).toContain('LOG_RE_SEEDED')
  await write(next, 10)
  leader.program.resume()

  const isLate = (await late).code === 'OK' ? 1 : 0 // then it went to the log as it is now, as any write
  const ledgers = await have([leader, ...others], 60 + isLate)
  const items = Array.from({ length: 60 }, (_, n) => `item-${n}`)
  for (const ledger of ledgers) {
    expect(ledger).toEqual(ledgers[0])
    expect(ledger.items.filter((item) => item !== 'late')).toEqual(items)
    expect(ledger.items).toHaveLength(60 + isLate)
  }
  const { happened } = await leader.look()
  expect(happened).toContainEqual(expect.objectContaining({ event: 'demoted', term }))
}, 60_000)

import { checkLists } from '../support/check-lists.js'
import { checkRegisters } from '../support/check-registers.js'
import { checkSessions } from '../support/check-sessions.js'
import { converged } from '../support/converged.js'
import { eventually } from '../support/deadline.js'
import { startGroup } from '../support/instances.js'
import { type LoadOptions, loadKeys, startLoad } from '../support/load.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

const KILLS = 3

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(stopAll)

it('G4–G6, G8, G9: kill -9 of the leader under load, three times over, loses and doubles nothing', async () => {
  const group = await startGroup({ redis, ttlMs: 1000 })
  const options: LoadOptions = { urls: group.urls, clients: 6, seed: 1 }
  const load = startLoad(options)
  const acknowledged = () => load.history.filter(({ kind, outcome }) => kind === 'push' && outcome === 'ok')
  /** Waits until pushes have been acknowledged in a later term than `term`, and returns that. */
  const pushesAfter = async (term: number) => {
    const later = () => acknowledged().filter((push) => (push.term ?? 0) > term)
    await eventually(() => later().length > 50, { timeoutMs: 10_000, message: `pushes after term ${term}` })
    return later().at(-1)?.term ?? 0
  }

  let term = await pushesAfter(0)
  for (let kill = 1; kill <= KILLS; kill++) {
    const leader = await group.leader()
    await leader.kill9()
    term = await pushesAfter(term)
    await group.add()
  }
  const history = await load.stop()
  expect(new Set(acknowledged().map((push) => push.term)).size).toBeGreaterThan(KILLS)

  // The audit compared what they computed, through all of this, and found nobody: `converged` looks for that.
  const leader = await group.leader()
  await eventually(async () => (await leader.status()).instance.audit.agreedIndex > 0)
  const replicas = await converged(group.instances, loadKeys(options))
  expect(replicas).toHaveLength(3)
  expect(checkLists(history, replicas)).toEqual([])
  expect(checkRegisters(history)).toEqual([])
  expect(checkSessions(history)).toEqual([])
})

import { type InstanceGroup, startGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { BANK, booksAtOneIndex } from './bank.js'
import { startVisit } from './visit.js'

const PAID_IN_BY_A_VISIT = 100_000

let redis: RedisServer
let group: InstanceGroup

beforeAll(async () => {
  redis = await startRedis()
})
beforeEach(async () => {
  group = await startGroup({ redis, script: BANK })
})
afterEach(() => group.stopAll())
afterAll(stopAll)

it('a customer whose requests go from instance to instance finds all as promised', async () => {
  const visit = await startVisit(group.instances)
  expect(await visit.ended()).toEqual({
    code: 0,
    signal: null,
    last: expect.stringMatching(/^all as promised: \d+ requests to 3 instances, 13 transfers booked in /),
    stderr: '',
  })
  expect(visit.terms).toHaveLength(12)
})

it('a customer of the instances that survive does not notice that the leader is killed, and no cent is lost', async () => {
  const before = await startVisit(group.instances)
  expect(await before.ended()).toMatchObject({ code: 0 })

  const leader = await group.leader()
  const { term } = (await leader.status()).instance
  const visit = await startVisit(await group.followers(), '--leaders', '2', '--rounds', '30')
  await visit.says('round 5:')
  const bookedBefore = new Set(visit.terms)
  await leader.kill9()
  expect(await visit.ended()).toMatchObject({
    code: 0,
    last: expect.stringMatching(/^all as promised: .* to 2 instances, .* booked in \d+ terms,/),
    stderr: '',
  })
  // The visit has been through the failover: it had seen nothing of the next leader when this one was killed.
  expect(bookedBefore).toEqual(new Set([term]))
  expect(visit.terms.at(-1)).toBeGreaterThan(term)

  await group.add()
  const books = await booksAtOneIndex(group.instances, [before.customer, visit.customer])
  expect(books).toHaveLength(3)
  const [first] = books
  expect(books).toEqual([first, first, first])
  expect(first).toMatchObject({ accounts: 4, total: 2 * PAID_IN_BY_A_VISIT, paidIn: 2 * PAID_IN_BY_A_VISIT })
  expect(first?.statements.reduce((sum, { balance }) => sum + balance, 0)).toBe(first?.total)
})

it('a customer who is sent to and fro between two banks says what is not as promised', async () => {
  const otherBank = await startGroup({ redis, script: BANK, instances: 1 })
  const visit = await startVisit([...group.instances, ...otherBank.instances])
  const { code, last, stderr } = await visit.ended()
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('not as promised: ') })
  expect(last).not.toContain('as promised')
})

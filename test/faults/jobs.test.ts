import { Queue } from 'bullmq'
import { eventually } from '../support/deadline.js'
import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { LedgerGroup, type Member } from './ledger-group.js'
import { LedgerProcesses } from './ledger-process.js'
import { problemsOf, replicasEqualLog, startWriters } from './ledger.js'

let redis: RedisServer
let group: LedgerGroup
let leader: Member
let followers: Member[]

beforeAll(async () => {
  redis = await startRedis()
})
beforeEach(async () => {
  group = new LedgerGroup(redis)
  leader = await group.add('leader')
  followers = [await group.add('follower-1'), await group.add('follower-2')]
})
afterEach(() => group.stop())
afterAll(stopAll)

it('G5: followers converge though all that BullMQ keeps in Redis is deleted all the time, to the last write', async () => {
  const writers = startWriters(() => [leader])
  let deleted = 0
  const ended = new AbortController()
  const deletions = (async () => {
    while (!ended.signal.aborted) deleted += await deleteJobs()
  })()
  const enough = () => writers.acknowledged > 500 && deleted > 100
  await eventually(enough, { message: 'writes and deletions' })
  const history = await writers.stop()
  ended.abort()
  await deletions

  const log = await replicasEqualLog(redis, group.name, group.members)
  expect(problemsOf(history, log)).toEqual([])
})

it('G5, G6: jobs that are doubled, reordered or absurd change nothing', async () => {
  const random = seededRandom(5)
  const queues = followers.map(
    ({ node }) =>
      new Queue(node.id, { connection: { host: '127.0.0.1', port: redis.port }, prefix: group.keys.jobs }),
  )
  const writers = startWriters(() => [leader])
  const jobs = 100
  const absurd = [-1, 0, 0.5, 1e9, Number.MAX_SAFE_INTEGER, null, 'x', {}]
  for (let n = 0; n < jobs; n++) {
    const head = leader.node.position.index
    const to = n % 5 === 0 ? absurd[(n / 5) % absurd.length] : Math.floor(random() * head * 1.5)
    const term = random() < 0.5 ? leader.node.term : Math.floor(random() * leader.node.term * 2)
    for (const queue of queues) await queue.add('range', { term, to }, { lifo: random() < 0.5 })
  }
  const history = await writers.stop()
  for (const queue of queues) await eventually(async () => (await queue.getCompletedCount()) === jobs)
  await Promise.all(queues.map((queue) => queue.close()))

  const log = await replicasEqualLog(redis, group.name, group.members)
  expect(problemsOf(history, log)).toEqual([])
})

it('G5: a follower process that stood still until it counted as gone takes up what it missed', async () => {
  const processes = new LedgerProcesses({ redis: redis.url })
  const [leading, following] = [await processes.add('leading'), await processes.add('following')]
  const writers = startWriters(() => [leading])
  await eventually(async () => (await following.look()).index > 20, { message: 'jobs to arrive' })
  await following.program.pause()
  const alone = async () => (await leading.call<string[]>('alive')).length === 1
  await eventually(alone, { message: 'the follower to count as gone' })
  const acknowledged = writers.acknowledged
  await eventually(() => writers.acknowledged > acknowledged + 50, { message: 'writes to go on' })

  following.program.resume()
  const history = await writers.stop()
  const log = await replicasEqualLog(redis, processes.name, [leading, following])
  expect(problemsOf(history, log)).toEqual([])
})

/** Deletes every key of BullMQ; returns how many there were. */
async function deleteJobs(): Promise<number> {
  const keys = (await redis.command('KEYS', `${group.keys.jobs}:*`)) as string[]
  return keys.length === 0 ? 0 : Number(await redis.command('DEL', ...keys))
}

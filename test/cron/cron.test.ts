import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import { type OwnedProcess, own } from '../support/owned-process.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

const CRON = join(__dirname, '../../examples/cron/dist/main.js')
const GROUP = 'cron'
const INSTANCES = 3
/** Longer than a test needs to pause whoever is at it. */
const JOB_MS = 250

let redis: RedisServer
let processes: OwnedProcess[]

beforeAll(async () => {
  redis = await startRedis()
})
beforeEach(async () => {
  await redis.command('FLUSHALL')
  const env = { REDIS_URL: redis.url, GROUP, LEASE_TTL_MS: '1000', EVERY_MS: '200', JOB_MS: String(JOB_MS) }
  processes = await Promise.all(
    Array.from({ length: INSTANCES }, () => own(process.execPath, [CRON], { env })),
  )
})
afterEach(async () => {
  await Promise.all(processes.map((owned) => owned.kill9()))
})
afterAll(stopAll)

/** What stands in the book. */
interface Line {
  readonly tick: number
  readonly term: number
}

async function lines(): Promise<Line[]> {
  const all = (await redis.command('LRANGE', `cron:{${GROUP}}:lines`, '0', '-1')) as string[]
  return all.map((line) => JSON.parse(line) as Line)
}

/** The last tick that a process says it has begun and not yet ended. */
function under(owned: OwnedProcess): Line | undefined {
  const [, tick, term] = /began tick (\d+) in term (\d+)$/.exec(owned.stdout().trimEnd()) ?? []
  return tick === undefined ? undefined : { tick: Number(tick), term: Number(term) }
}

/** Waits until a process has just begun a job, after some were done; that process leads. */
async function atAJob(doneBefore: number): Promise<{ leader: OwnedProcess; began: Line }> {
  await eventually(async () => (await lines()).length >= doneBefore, { message: 'some ticks to be done' })
  return eventually(
    () => {
      const leader = processes.find((owned) => owned.running && under(owned) !== undefined)
      const began = leader && under(leader)
      return leader && began && { leader, began }
    },
    { intervalMs: 1, message: 'a job to begin' },
  )
}

/** Every tick from the first to the last has one line, and no line of an older term stands behind one of a newer. */
function expectEachTickOnce(book: readonly Line[]) {
  const first = book[0]?.tick ?? 0
  expect(book.map(({ tick }) => tick)).toEqual(book.map((_, i) => first + i))
  const terms = book.map(({ term }) => term)
  expect(terms).toEqual(terms.toSorted((a, b) => a - b))
}

/** Pauses whoever leads in the middle of a job. */
async function pauseAtAJob(): Promise<{ leader: OwnedProcess; began: Line }> {
  return eventually(
    async () => {
      const { leader, began } = await atAJob(3)
      await leader.pause()
      await lines() // what it had sent before is in the book by the next look
      const done = (await lines()).some(({ tick }) => tick === began.tick)
      if (done) leader.resume() // it was faster
      return !done && { leader, began }
    },
    { message: 'a leader to be paused in the middle of a job' },
  )
}

it('a leader that is paused in the middle of a job wakes to a book that refuses it; the next one did the tick', async () => {
  const { leader, began } = await pauseAtAJob()
  const byHeir = await eventually(async () => (await lines()).find(({ tick }) => tick === began.tick), {
    message: 'another leader to do the tick',
  })
  expect(byHeir.term).toBeGreaterThan(began.term)

  leader.resume()
  await eventually(() => leader.stdout().includes(`refused: term ${began.term} is over`), {
    message: 'the late result to be refused',
  })
  const { length } = await lines()
  await eventually(async () => (await lines()).length > length + 3, { message: 'the timetable to go on' })
  expectEachTickOnce(await lines())
})

it('a tick whose leader dies in the middle of its job is done by the next one', async () => {
  const { leader, began } = await pauseAtAJob()
  await leader.kill9()
  const done = await eventually(async () => (await lines()).find(({ tick }) => tick === began.tick), {
    message: 'the tick to be done',
  })
  expect(done.term).toBeGreaterThan(began.term)
  const { length } = await lines()
  await eventually(async () => (await lines()).length > length + 3, { message: 'the timetable to go on' })
  expectEachTickOnce(await lines())
})

it('ends cleanly when it is told to, and another one goes on', async () => {
  const { leader, began } = await atAJob(1)
  expect(await leader.terminate()).toEqual({ code: 0, signal: null })
  await eventually(async () => (await lines()).at(-1)?.term !== began.term, { message: 'another term' })
  const { length } = await lines()
  await eventually(async () => (await lines()).length > length + 3, { message: 'the timetable to go on' })
  expectEachTickOnce(await lines())
})

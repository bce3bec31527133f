import { seededRandom } from '../../../../packages/core/src/testing/seeded-random.js'
import { eventually } from '../../../support/deadline.js'
import type { Row } from '../row.js'
import type { Actor, Stage } from '../stage.js'

/** What takes longer than this was sent again: the least that TCP waits for. */
const RETRANSMIT_MS = 200
const LOSS_RATE = 0.3
/** 64 kbit/s. */
const NARROW_BYTES_PER_SECOND = 8000

/** The counts of what a fault did. */
type Counts = Readonly<Record<string, number>>

/** Requests since then that took longer than that. */
function longerThan(stage: Stage, fromMs: number, ms: number): number {
  return stage.history.filter(({ startMs, endMs }) => startMs > fromMs && endMs - startMs > ms).length
}

/** So often something happened in both directions of all ways. */
function countOf(actors: readonly Actor[], what: 'sentAgain' | 'queued'): number {
  return actors.reduce((sum, { log }) => sum + log[what]('toServer') + log[what]('toClient'), 0)
}

/** Whom a slow way hits: all, or one of them. */
async function victims(stage: Stage): Promise<readonly Actor[]> {
  const leader = await stage.leader()
  return stage.draw.pick([stage.actors, stage.actors, [leader], [stage.draw.pick(stage.actors)]])
}

async function delays(stage: Stage): Promise<Counts> {
  const bit = { 'requests that a delay held up': 0, 'times nothing ran': 0 }
  const delayMs = stage.draw.between(10, 50)
  const fromMs = performance.now()
  for (const { log } of stage.actors) log.delay(delayMs)
  await stage.goesOn()
  for (let sleep = 1; sleep <= 3; sleep++) {
    const seconds = stage.draw.between(0.1, 4)
    const startMs = performance.now()
    await stage.redis.command('DEBUG', 'SLEEP', seconds)
    if (performance.now() - startMs > seconds * 900) bit['times nothing ran']++
    await eventually(() => stage.leader(), { message: 'a leader' })
    await stage.goesOn(10)
  }
  return { ...bit, 'requests that a delay held up': longerThan(stage, fromMs, delayMs * 2) }
}

async function losesPackets(stage: Stage): Promise<Counts> {
  const random = seededRandom(stage.draw.between(0, 2 ** 32)) // its own, as it is asked in whatever order packets come
  const actors = await victims(stage)
  const before = countOf(actors, 'sentAgain')
  const fromMs = performance.now()
  for (const { log } of actors) log.loseSome(LOSS_RATE, random)
  await stage.goesOn()
  await stage.draw.moment(500, 2000)
  return {
    'chunks sent again': countOf(actors, 'sentAgain') - before,
    'requests that waited for one': longerThan(stage, fromMs, RETRANSMIT_MS),
  }
}

async function isNarrow(stage: Stage): Promise<Counts> {
  const actors = await victims(stage)
  const before = countOf(actors, 'queued')
  const fromMs = performance.now()
  for (const { log } of actors) log.limit(NARROW_BYTES_PER_SECOND)
  await stage.goesOn()
  await stage.draw.moment(500, 2000)
  return {
    'packets that had to queue': countOf(actors, 'queued') - before,
    'requests that a narrow line held up': longerThan(stage, fromMs, RETRANSMIT_MS),
  }
}

const slowRedis: Row = {
  id: 'R16',
  fault:
    'Redis is slow: packets take their time, get lost (30 %) or have to queue (64 kbit/s); now and then nothing runs',
  // A renewal gets a fifth of that, so that what is lost once is not too late.
  stage: () => ({ ttlMs: 3000 }),
  async inject(stage) {
    let bit: Counts = {}
    for (const fault of stage.draw.shuffled([delays, losesPackets, isNarrow])) {
      bit = { ...bit, ...(await fault(stage)) }
      stage.heal()
      await stage.goesOn()
    }
    return { bit }
  },
}

/** Rows about a way to Redis that is slow, and a Redis that is. */
export const slowRows: readonly Row[] = [slowRedis]

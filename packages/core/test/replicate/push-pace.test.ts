import { JOB_EVERY_MS, LATE_MS, MOST_LATE_MS, PushPace } from '../../src/replicate/push-pace.js'

/** A write every so often, for a follower that hears of it, or answers a job, so much later. */
interface Line {
  readonly writeEveryMs: number
  readonly tripMs: number
  readonly hears: boolean
}

let pace: PushPace
let now: number
let head: number

beforeEach(() => {
  pace = new PushPace()
  now = 0
  head = 0
})

/** Plays it for so long, in steps of 1 ms, and returns when jobs were sent. */
function play({ writeEveryMs, tripMs, hears }: Line, forMs: number): number[] {
  const jobs: number[] = []
  const answers: { atMs: number; index: number }[] = []
  const tell = () => answers.push({ atMs: now + tripMs, index: head })
  const untilMs = now + forMs
  for (; now < untilMs; now++) {
    for (const { index } of answers.filter(({ atMs }) => atMs === now)) pace.acknowledge(index, now)
    if (now % writeEveryMs === 0) {
      head++
      if (hears) tell()
    }
    if (pace.acknowledged >= head) continue
    pace.expect(head, now)
    if (pace.isTold(head) || pace.dueMs > now) continue
    pace.sent(head, now)
    jobs.push(now)
    tell()
  }
  return jobs
}

it.each([30, 60, 120])(
  'a follower that answers after %i ms gets hardly a job more than one that keeps up',
  (tripMs) => {
    play({ writeEveryMs: 60, tripMs, hears: true }, 1000)
    const jobs = play({ writeEveryMs: 60, tripMs, hears: true }, 10_000)
    expect(jobs.length).toBeLessThanOrEqual(10_000 / JOB_EVERY_MS)
  },
)

it('one that hears nothing of what is appended gets its jobs as soon as ever, since those come through quickly', () => {
  const jobs = play({ writeEveryMs: 60, tripMs: 5, hears: false }, 6000)
  expect(jobs).toHaveLength(100)
  const afterWrite = jobs.slice(1).map((atMs) => atMs % 60)
  expect(new Set(afterWrite)).toEqual(new Set([LATE_MS]))
})

it('one that hears nothing on a slow line gets jobs no faster than that line takes them', () => {
  play({ writeEveryMs: 60, tripMs: 200, hears: false }, 1000)
  const jobs = play({ writeEveryMs: 60, tripMs: 200, hears: false }, 10_000)
  expect(jobs.length).toBeLessThanOrEqual(10_000 / MOST_LATE_MS)
  expect(jobs.length).toBeGreaterThan(10) // but it gets them
})

it('one whose line is quick again soon gets the next job as early as before', () => {
  play({ writeEveryMs: 60, tripMs: 200, hears: true }, 2000)
  play({ writeEveryMs: 60, tripMs: 5, hears: true }, 1000)
  const [first] = play({ writeEveryMs: 60, tripMs: 5, hears: false }, 1000)
  expect(first).toBeLessThan(3000 + MOST_LATE_MS)
  const jobs = play({ writeEveryMs: 60, tripMs: 5, hears: false }, 600)
  expect(jobs.map((atMs) => atMs % 60)).toEqual(Array.from({ length: 10 }, () => LATE_MS))
})

import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type Answers, Member, problemsOf, type State } from './million-process.js'

afterAll(stopAll)

const ENTRIES = 1_000_000
/** From here on nothing is restarted, and memory must not grow. As many seconds behind the last restart as the log takes to fill. */
const WARM = 0.7
const SAMPLES = 8
/** How long the log may take for a tenth of all entries, on a machine that is busy with other things. */
const TENTH_WITHIN_MS = 240_000
const MIB = 1024 * 1024

/** Bytes at one moment, of Redis and of each instance. */
interface Sample {
  readonly part: number
  readonly redis: number
  /** Heap and buffers, after a collection. */
  readonly heaps: readonly number[]
  readonly rss: readonly number[]
}

async function redisMemory(redis: RedisServer): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(String(await redis.command('INFO', 'memory')))?.[1])
}

function report(tookS: number, samples: readonly Sample[], answers: ReadonlyMap<string, Answers>): string {
  const mib = (bytes: number) => (bytes / MIB).toFixed(1)
  const count = (ranges: readonly (readonly [number, number])[]) =>
    ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  const total = (kind: keyof Answers) =>
    [...answers.values()].reduce((sum, each) => sum + count(each[kind]), 0)
  return [
    `${ENTRIES} entries in ${tookS.toFixed(0)} s; writes known to be acknowledged ${total('acknowledged')}, refused ${total('refused')}, unknown ${total('unknown')}`,
    ...samples.map(
      ({ part, redis, heaps, rss }) =>
        `at ${(part * 100).toFixed(0)} %: Redis ${mib(redis)} MiB, heaps ${heaps.map(mib).join(' ')}, resident ${rss.map(mib).join(' ')}`,
    ),
  ]
    .join('\n')
    .concat('\n')
}

test('a million entries, with restarts of every instance and of Redis: nothing is lost, nothing grows', async () => {
  const redis = await startRedis({ appendOnly: 'always' })
  const members = ['a', 'b', 'c'].map((name) => new Member(name, redis, ENTRIES))
  const startedMs = performance.now()
  await Promise.all(members.map((member) => member.start()))

  const leader = () =>
    eventually(
      async () => {
        for (const member of members) if ((await member.look()).leads) return member
      },
      { message: 'a leader' },
    )
  const reach = async (part: number, meanwhile = async () => {}) => {
    const wanted = part * ENTRIES
    const reached = async () =>
      Math.max(...(await Promise.all(members.map((each) => each.look()))).map(({ index }) => index))
    const isThere = async () => {
      await meanwhile()
      return (await reached()) >= wanted
    }
    await eventually(isThere, {
      timeoutMs: TENTH_WITHIN_MS,
      intervalMs: 100,
      message: `the log to have ${wanted} entries`,
    })
  }
  const restarted = new Set<Member>()
  const restart = async (member: Member, how: 'stop' | 'kill9') => {
    restarted.add(member)
    await member[how]()
    await member.start()
  }

  await reach(0.1)
  await restart(await leader(), 'kill9')
  await reach(0.2)
  await restart(members.find((member) => !restarted.has(member)) as Member, 'stop')
  await reach(0.3)
  await redis.restart()
  await reach(0.4)
  for (const member of members.filter((each) => !restarted.has(each))) await restart(member, 'kill9')
  await restart(await leader(), 'stop')
  await reach(0.5)
  await redis.restart()
  expect(restarted.size).toBe(3)

  await reach(WARM)
  const samples: Sample[] = []
  for (let sample = 0; sample < SAMPLES; sample++) {
    const part = WARM + (sample * (1 - WARM)) / SAMPLES
    // The least of the time since the last sample: between one trim and the next the log swings with the pace of the writes.
    let least = Infinity
    await reach(part, async () => {
      least = Math.min(least, await redisMemory(redis))
    })
    const memory = await Promise.all(
      members.map((each) => each.call<{ heap: number; rss: number }>('memory')),
    )
    samples.push({
      part,
      redis: least,
      heaps: memory.map(({ heap }) => heap),
      rss: memory.map(({ rss }) => rss),
    })
  }
  await reach(1)
  const tookS = (performance.now() - startedMs) / 1000

  const meta = (field: string) => redis.command('HGET', 'leasehold:{million}:meta', field)
  const states = await eventually(
    async () => {
      const head = Number(await meta('head'))
      const looks = await Promise.all(members.map((member) => member.look()))
      const all = await Promise.all(members.map((member) => member.call<State>('state')))
      return looks.every(({ index }) => index === head) && all
    },
    { message: 'all replicas to be at the head' },
  )
  for (const member of members) await member.look()
  const [first, ...others] = states as [State, ...State[]]
  for (const other of others) expect(other).toEqual(first)
  const answers = new Map(members.flatMap((member) => [...member.answers]))
  expect([...answers].flatMap(([boot, told]) => problemsOf(told, first.boots[boot]))).toEqual([])
  expect(answers.size).toBeGreaterThanOrEqual(7)
  expect(Number(await meta('leaderChanges'))).toBeGreaterThanOrEqual(3)

  const half = samples.length / 2
  const growth = (of: (sample: Sample) => number) =>
    Math.max(...samples.slice(half).map(of)) - Math.max(...samples.slice(0, half).map(of))
  process.stdout.write(report(tookS, samples, answers)) // the figures are worth having with every run
  expect(growth(({ redis: used }) => used)).toBeLessThan(8 * MIB) // its size swings with the snapshots
  members.forEach((_, i) => expect(growth(({ heaps }) => heaps[i] ?? Infinity)).toBeLessThan(4 * MIB))
  for (const member of members) await member.stop()
}, 900_000)

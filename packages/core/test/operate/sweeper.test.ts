import type { MemberStore, MemberView } from '../../src/elect/members.js'
import { silentLogger } from '../../src/observe/logger.js'
import { Sweeper } from '../../src/operate/sweeper.js'
import type { JobTransport } from '../../src/replicate/job-transport.js'
import { memberView } from '../member-view.js'

const HEARTBEAT_MS = 100
/** The last moment at which an instance may still come back, and the last at which its record stays. */
const [HOPED_FOR_MS, RECORDED_MS] = [30 * HEARTBEAT_MS, 60 * HEARTBEAT_MS]

let done: string[]
let pushedTo: Set<string>
let broken: boolean
let sweeper: Sweeper

beforeEach(() => {
  done = []
  pushedTo = new Set()
  broken = false
  const remover = (what: string) => ({
    async remove(id: string) {
      if (broken) throw new Error('no Redis')
      done.push(`${what} ${id}`)
      if (what === 'queue') pushedTo.delete(id)
    },
  })
  sweeper = new Sweeper({
    transport: { ...remover('queue'), pushedTo: () => pushedTo } as unknown as JobTransport,
    members: remover('record') as MemberStore,
    heartbeatMs: HEARTBEAT_MS,
    logger: silentLogger,
  })
})

/** What one heartbeat of the leader, or else of a follower, removes. */
async function removedAt(members: MemberView[], leads = true): Promise<string[]> {
  done = []
  await sweeper.sweep(members, leads)
  return done
}

const stopped = (silentMs: number) => memberView('x', { role: 'stopped', silentMs })
const silent = (silentMs: number) => memberView('x', { silentMs })

it('leaves alone whoever lives, or may come back', async () => {
  expect(await removedAt([silent(0), silent(HOPED_FOR_MS)])).toEqual([])
})

it.each([
  ['that stopped', [stopped(0), stopped(RECORDED_MS), stopped(RECORDED_MS + 1)]],
  ['that fell silent', [silent(HOPED_FOR_MS + 1), silent(RECORDED_MS), silent(RECORDED_MS + 1)]],
])(
  'removes the queue of one %s at once and again at last, then its record',
  async (_, [first, later, last]) => {
    expect(await removedAt([first as MemberView])).toEqual(['queue x'])
    expect(await removedAt([later as MemberView])).toEqual([])
    expect(await removedAt([last as MemberView])).toEqual(['queue x', 'record x'])
  },
)

it('removes no record at the first sight of it: the clock of Redis may have jumped', async () => {
  expect(await removedAt([silent(RECORDED_MS + 1)])).toEqual(['queue x'])
  expect(await removedAt([silent(0)])).toEqual([])
  expect(await removedAt([silent(RECORDED_MS + 1)])).toEqual(['queue x'])
  expect(await removedAt([silent(RECORDED_MS + 2)])).toEqual(['queue x', 'record x'])
})

it('is the duty of the leader', async () => {
  for (const silentMs of [0, RECORDED_MS + 1]) expect(await removedAt([stopped(silentMs)], false)).toEqual([])
})

it.each([true, false])(
  'removes the queues that it pushed to itself and that nobody owns (leads: %s)',
  async (leads) => {
    pushedTo = new Set(['unknown', 'x'])
    expect(await removedAt([silent(HOPED_FOR_MS)], leads)).toEqual(['queue unknown'])
    expect(await removedAt([silent(HOPED_FOR_MS)], leads)).toEqual([])
  },
)

it('tries again what it could not remove, and says nothing', async () => {
  pushedTo = new Set(['unknown'])
  broken = true
  expect(await removedAt([stopped(0)])).toEqual([])
  broken = false
  expect(await removedAt([stopped(1)])).toEqual(['queue unknown', 'queue x'])
  expect(await removedAt([stopped(2)])).toEqual([])
  broken = true
  expect(await removedAt([stopped(RECORDED_MS + 1)])).toEqual([])
  broken = false
  expect(await removedAt([stopped(RECORDED_MS + 2)])).toEqual(['queue x', 'record x'])
})

it('takes few at a heartbeat, and all in the end', async () => {
  const many = Array.from({ length: 100 }, (_, i) => memberView(`x${i}`, { role: 'stopped' }))
  const swept = []
  for (let beat = 0; beat < 10; beat++) {
    const removed = await removedAt(many)
    expect(removed.length).toBeLessThan(30)
    swept.push(...removed)
  }
  expect(swept.toSorted()).toEqual(many.map(({ id }) => `queue ${id}`).toSorted())
})

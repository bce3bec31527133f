import type { MemberView } from '../../src/elect/members.js'
import type { LogPage, OfferedSnapshot, TermConnection } from '../../src/log/log-store.js'
import type { SnapshotStore } from '../../src/log/snapshot.js'
import { SnapshotDuty } from '../../src/operate/snapshot-duty.js'
import type { SnapshotTaker } from '../../src/operate/snapshot-taker.js'
import type { CatchUp } from '../../src/replicate/catch-up.js'
import type { JobTransport } from '../../src/replicate/job-transport.js'
import { memberView } from '../member-view.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

/** Longer than anybody may take to make a snapshot. */
const LATE_MS = 11_000

const logger = { debug() {}, info() {}, warn() {}, error() {} }

let clock: VirtualClock
/** Who was asked for a snapshot, the leader itself included. */
let asked: string[]
/** Where the log was trimmed to. */
let trims: number[]
let duty: SnapshotDuty

beforeEach(() => {
  clock = new VirtualClock()
  asked = []
  trims = []
  duty = new SnapshotDuty({
    catchUp: {} as CatchUp,
    taker: {
      tryTake: async () => {
        asked.push('itself')
        return undefined
      },
    } as Partial<SnapshotTaker> as SnapshotTaker,
    snapshots: {} as SnapshotStore,
    transport: { push: async (id: string) => void asked.push(id) } as Partial<JobTransport> as JobTransport,
    clock,
    logger,
    made: () => {},
    options: { snapshotEntries: 100, snapshotBytes: 1e9, trailingEntries: 10, trailingBytes: 1e9 },
  })
})

const connection = {
  trim: async (first: number) => trims.push(first) > 0,
} as Partial<TermConnection> as TermConnection

/** The leader's heartbeat, over a log of 500 entries that has snapshots at 200 and 300. */
async function tend(...followers: MemberView[]): Promise<void> {
  const page = {
    first: 1,
    head: 500,
    snapshot: { id: 's2', index: 300 },
    snapshotBefore: { id: 's1', index: 200 },
  }
  await duty.tend(page as LogPage, followers, 7, connection)
}

it('asks the follower that is furthest, once', async () => {
  const followers = [memberView('a', { index: 400 }), memberView('b', { index: 450 })]
  await tend(...followers)
  clock.pause(LATE_MS / 2)
  await tend(...followers)
  expect(asked).toEqual(['b'])
})

it('asks somebody else when whoever was asked does not answer, and itself when nobody is left', async () => {
  const followers = [memberView('a', { index: 400 }), memberView('b', { index: 450 })]
  for (let time = 0; time < 3; time++) {
    await tend(...followers)
    clock.pause(LATE_MS)
  }
  expect(asked).toEqual(['b', 'a', 'b'])
  await tend(memberView('b', { index: 450 }))
  expect(asked.at(-1)).toBe('itself')
})

it('asks somebody else at once when whoever was asked is gone', async () => {
  await tend(memberView('a', { index: 400 }), memberView('b', { index: 450 }))
  await tend(memberView('a', { index: 400 }))
  expect(asked).toEqual(['b', 'a'])
})

it('asks at once again after an answer', async () => {
  await tend(memberView('a', { index: 450 }))
  await duty.offered({ index: 300 } as OfferedSnapshot, connection)
  await tend(memberView('a', { index: 450 }))
  expect(asked).toEqual(['a', 'a'])
})

it.each(['VERSION_TOO_OLD', 'LOG_LOST', 'DIVERGED'] as const)(
  'asks no follower whose replica is %s',
  async (halted) => {
    await tend(memberView('a', { index: 450, halted }))
    expect(asked).toEqual(['itself'])
  },
)

it('trims behind the slowest replica, and does not wait for one that is too old', async () => {
  const rebuilding = memberView('a', { index: 150, halted: 'DIVERGED' })
  await tend(rebuilding)
  const old = memberView('b', { index: 20, halted: 'VERSION_TOO_OLD' })
  await tend(rebuilding, old)
  await tend(old)
  expect(trims).toEqual([151, 151, 201])
})

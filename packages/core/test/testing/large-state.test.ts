import { createTestGroup, type TestGroup, type TestInstance } from '../../src/testing/index.js'
import type { ReplicatedNode } from '../../src/replicated-node.js'
import { TimeSlice } from '../../src/replicate/time-slice.js'
import { journal } from '../journal.js'

/** How long a snapshot of the state of these tests takes for each of its lines. */
const SLICE_MS = 1000
const LINES = 8
const TTL_MS = 2000
const HEARTBEAT_MS = 200

type Node = ReplicatedNode<ReturnType<typeof journal.initial>, typeof journal.commands>

let group: TestGroup<Node>
let slices: number
let leader: TestInstance<Node>
let follower: TestInstance<Node>

/** A group of two whose state is so large that a snapshot takes many slices. */
async function begin(snapshotEntries = 10_000): Promise<void> {
  slices = 0
  jest.spyOn(TimeSlice.prototype, 'over', 'get').mockReturnValue(true)
  jest.spyOn(TimeSlice.prototype, 'next').mockImplementation(() => {
    slices++
    return group.sleep(SLICE_MS)
  })
  const node = { heartbeatMs: HEARTBEAT_MS, lease: { ttlMs: TTL_MS }, snapshotEntries }
  group = await createTestGroup({ stateMachine: journal, instances: 2, clock: 'virtual', node })
  leader = await group.led()
  follower = group.instances.find((instance) => instance !== leader) as TestInstance<Node>
  for (let line = 0; line < LINES; line++) await group.settled(leader.node.write('add', 'x'.repeat(70_000)))
}

afterEach(async () => {
  await group.stop()
  jest.restoreAllMocks()
})

/** Begins a backup, which counts its bytes once it is there. */
function backUp(node: Node): { bytes: number } {
  const backup = { bytes: 0 }
  void (async () => {
    let bytes = 0
    for await (const chunk of node.exportSnapshot()) bytes += chunk.length
    backup.bytes = bytes
  })()
  return backup
}

/** Lets time pass for as long as it takes: what is compressed meanwhile takes real time. */
async function eventually(condition: () => unknown): Promise<void> {
  while (!condition()) await group.advance(1000)
}

/** Kills the leader, and returns how long writes stood still. */
async function failOver(): Promise<number> {
  const killedMs = group.nowMs
  leader.kill()
  await group.until(() => follower.node.isLeader)
  await group.settled(follower.node.write('add', 'after'))
  return group.nowMs - killedMs
}

it('a follower that is taking the snapshot for all takes over as soon as any other', async () => {
  await begin(LINES)
  await group.until(() => slices > 1)
  expect(await failOver()).toBeLessThan(SLICE_MS + 500)
  expect(slices).toBeLessThan(LINES)
  // Nobody else is left to take it, so the new leader does.
  await eventually(() => follower.node.metrics.read().counts.snapshots.taken)
})

it('a follower that is being backed up does, too, and gives the backup afterwards', async () => {
  await begin()
  const backup = backUp(follower.node)
  await group.until(() => slices > 1)
  expect(await failOver()).toBeLessThan(SLICE_MS + 500)
  await eventually(() => backup.bytes)
  expect(slices).toBeGreaterThan(LINES)
})

it('a leader that is being backed up goes on saying that it lives', async () => {
  await begin()
  const backup = backUp(leader.node)
  await group.until(() => slices > 1)
  let longestMs = 0
  await group.until(() => {
    longestMs = Math.max(longestMs, leader.node.status().idleMs)
    return slices >= LINES
  })
  expect(longestMs).toBeLessThan(2 * HEARTBEAT_MS)
  expect(leader.node.stale).toBe(false)
  const { members } = await group.settled(follower.node.groupStatus())
  expect(members.every(({ alive }) => alive)).toBe(true)
  expect(
    await group.settled(leader.node.readAt({ consistency: 'linearizable' }, (s) => s.lines.length)),
  ).toBe(LINES)
  await eventually(() => backup.bytes)
})

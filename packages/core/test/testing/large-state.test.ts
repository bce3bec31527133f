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

async function drain(node: Node): Promise<number> {
  let bytes = 0
  for await (const chunk of node.exportSnapshot()) bytes += chunk.length
  return bytes
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
  await group.until(() => follower.node.metrics.read().counts.snapshots.taken)
})

it('a follower that is being backed up does, too, and gives the backup afterwards', async () => {
  await begin()
  const backup = drain(follower.node)
  await group.until(() => slices > 1)
  expect(await failOver()).toBeLessThan(SLICE_MS + 500)
  expect(await group.settled(backup)).toBeGreaterThan(0)
  expect(slices).toBeGreaterThan(LINES)
})

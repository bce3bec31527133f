import { createTestGroup, type TestGroup, type TestInstance } from '../../src/testing/index.js'
import type { JournalNode } from '../nodes.js'
import { journal } from '../journal.js'

let group: TestGroup<JournalNode>
let leader: TestInstance<JournalNode>
let others: TestInstance<JournalNode>[]

async function start(instances: number): Promise<void> {
  const node = { writeTimeoutMs: 3000, stopTimeoutMs: 1000, commandTimeoutMs: 2000 }
  group = await createTestGroup({ stateMachine: journal, clock: 'virtual', instances, node })
  leader = await group.led()
  others = group.instances.filter((instance) => instance !== leader)
}

afterEach(() => group.stop())

/** What becomes of a write that `replicas` others must have, and after how many ms. */
async function write(replicas: number, timeoutMs?: number) {
  const startedMs = group.nowMs
  const options = { writeConcern: { replicas }, ...(timeoutMs !== undefined && { timeoutMs }) }
  const outcome = await leader.node.write('add', 'x', options).then(
    () => 'OK',
    ({ message }: Error) => message,
  )
  return { outcome, afterMs: group.nowMs - startedMs }
}

test.each([undefined, 3001, 20_000, 3e9])(
  'a write concern is waited for no longer than writeTimeoutMs: %p ms',
  async (timeoutMs) => {
    await start(1)
    const { outcome, afterMs } = await group.settled(write(1, timeoutMs))
    expect(outcome).toMatch(/write concern .* was not met within .* ms: whether operation/)
    expect(afterMs).toBe(3000)
  },
)

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

describe('stop()', () => {
  /** The write is in the log, and nothing but its concern is open. */
  async function committed(): Promise<void> {
    const { index } = leader.node.position
    await group.until(() => leader.node.position.index > index)
  }

  it('waits for write concerns while they can be met, and leads until then', async () => {
    await start(2)
    for (const other of others) other.hold()
    const answer = write(1)
    await committed()
    const stopped = leader.node.stop()
    await group.advance(500)
    expect(leader.node.isLeader).toBe(true)
    for (const other of others) other.mend()
    expect((await group.settled(answer)).outcome).toBe('OK')
    await group.settled(stopped)
  })

  it.each([1, 3])(
    'ends those that are not met in time, before it is over: %p instances',
    async (instances) => {
      await start(instances)
      let answered: Awaited<ReturnType<typeof write>> | undefined
      void write(3).then((answer) => (answered = answer))
      await committed()
      const startedMs = group.nowMs
      await group.settled(leader.node.stop())
      expect(group.nowMs - startedMs).toBeLessThan(1500)
      expect(answered?.outcome).toMatch(/^The node was stopped .*: whether operation .* is unknown\.$/)
    },
  )

  it('leaves the group without a leader for a moment only, though its last writes cannot be met', async () => {
    await start(3)
    const writing = (async () => {
      while (leader.node.isLeader) {
        void write(3)
        await group.sleep(20)
      }
      return group.nowMs
    })()
    await committed()
    const stopped = leader.node.stop()
    const endedMs = await group.settled(writing)
    await group.led()
    expect(group.nowMs - endedMs).toBeLessThan(500)
    await group.settled(stopped)
  })
})

import { createTestGroup, type TestGroup } from '../../src/testing/index.js'
import type { JournalNode } from '../nodes.js'
import { journal } from '../journal.js'

const OPERATION = { opId: 'op' }

let group: TestGroup<JournalNode>
let node: JournalNode

const outcome = (write: Promise<unknown>) => write.catch((error: { code: string }) => error.code)

/** A leader that has lost the reply to its first write, and claims anew: it takes writes, but is no leader. */
beforeEach(async () => {
  const options = { writeTimeoutMs: 3000, commandTimeoutMs: 500 }
  group = await createTestGroup({ stateMachine: journal, clock: 'virtual', instances: 1, node: options })
  ;({ node } = await group.loseReply())
})

afterEach(() => group.stop())

const claimsAnew = () => group.until(() => node.role === 'candidate')

test('two writes of one operation while the leader claims anew both get the answer of the first', async () => {
  const first = node.submit('add', 'once', OPERATION)
  await claimsAnew()
  const again = node.submit('add', 'once', OPERATION)
  expect(node.isLeader).toBe(false)
  const answers = await group.settled(Promise.all([first, again]))
  expect(answers[1]).toEqual(answers[0])
  expect(node.read((state) => state.lines)).toEqual(['once'])
})

test('something else under the id of a write that is under way then is refused', async () => {
  const first = node.write('add', 'this', OPERATION)
  await claimsAnew()
  const other = outcome(node.write('add', 'that', OPERATION))
  expect(await group.settled(Promise.all([first, other]))).toEqual([1, 'KEY_REUSED'])
  expect(node.read((state) => state.lines)).toEqual(['this'])
})

test.each([
  [undefined, 3000],
  [300, 300],
])(
  'none of them stays without an answer where there is none: with %p ms, after %p',
  async (timeoutMs, ms) => {
    const first = outcome(node.write('add', 'once', OPERATION))
    await claimsAnew()
    group.stopRedis()
    const startedMs = group.nowMs
    const options = { ...OPERATION, ...(timeoutMs !== undefined && { timeoutMs }) }
    const again = outcome(node.write('add', 'once', options)).then((code) => [code, group.nowMs - startedMs])
    expect(await group.settled(first)).toBe('OUTCOME_UNKNOWN')
    expect(await group.settled(again)).toEqual(['OUTCOME_UNKNOWN', ms])
  },
)

test('a stop answers each of them', async () => {
  const first = outcome(node.write('add', 'once', OPERATION))
  await claimsAnew()
  group.stopRedis()
  const again = outcome(node.write('add', 'once', OPERATION))
  const stopped = node.stop()
  expect(await group.settled(Promise.all([first, again]))).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN'])
  group.startRedis()
  await group.settled(stopped)
})

test('a write in doubt does not get the result of another one that the next leader took under its id', async () => {
  const pair = await createTestGroup({ stateMachine: journal, clock: 'virtual', instances: 2 })
  const leader = await pair.led()
  leader.hold()
  const doubtful = outcome(leader.node.write('add', 'that', OPERATION))
  const next = await pair.until(() =>
    pair.instances.find((instance) => instance !== leader && instance.node.isLeader),
  )
  expect(await pair.settled(next.node.write('add', 'this', OPERATION))).toBe(1)
  leader.mend()
  expect(await pair.settled(doubtful)).toBe('NOT_LEADER')
  await pair.stop()
})

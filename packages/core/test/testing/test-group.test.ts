import { defineStateMachine } from '../../src/index.js'
import { createTestGroup, type TestGroup, type TestGroupOptions } from '../../src/testing/index.js'
import type { ReplicatedNode } from '../../src/index.js'

interface Bank {
  accounts: Record<string, number>
}

const bank = defineStateMachine({
  name: 'bank',
  version: 1,
  initial: (): Bank => ({ accounts: {} }),
  commands: {
    deposit(state, { to, amount }: { to: string; amount: number }) {
      return (state.accounts[to] = (state.accounts[to] ?? 0) + amount)
    },
  },
})

type BankNode = ReplicatedNode<Bank, (typeof bank)['commands']>
type BankGroup = TestGroup<BankNode>

const balance = (node: BankNode) => node.read(({ accounts }) => accounts['a'] ?? 0)
const deposit = (node: BankNode, opId?: string) =>
  node.write('deposit', { to: 'a', amount: 5 }, opId === undefined ? {} : { opId })

let running: BankGroup | undefined

async function start(options: TestGroupOptions<BankNode> = {}): Promise<BankGroup> {
  running = await createTestGroup({ stateMachine: bank, clock: 'virtual', ...options })
  return running
}

afterEach(() => running?.stop())

test('writes at the leader, reads everywhere', async () => {
  const group = await start()
  const leader = await group.led()
  expect(await group.settled(deposit(leader.node))).toBe(5)
  await group.until(() => group.instances.every(({ node }) => balance(node) === 5))
  const other = group.instances.find((instance) => instance !== leader)
  await expect(deposit((other ?? leader).node)).rejects.toMatchObject({ code: 'NOT_LEADER' })
})

test.each(['virtual', 'system'] as const)(
  'another one leads when the leader is killed: %s time',
  async (clock) => {
    const group = await start({ clock })
    await group.settled(deposit((await group.led()).node))
    const dead = await group.killLeader()
    expect(dead.running).toBe(false)
    const heir = await group.led()
    expect(heir).not.toBe(dead)
    expect(await group.settled(deposit(heir.node))).toBe(10)
    await expect(dead.request(() => 1)).rejects.toThrow('The process of')
    await group.settled(dead.start()) // another process, with another node
    await group.until(() => balance(dead.node) === 10)
  },
)

test('a leader that stood still is fenced, and what it writes then is refused', async () => {
  const group = await start()
  const paused = await group.pauseLeader()
  const late = paused.request((node) => deposit(node))
  const heir = await group.led()
  await group.settled(deposit(heir.node))
  paused.resume()
  await expect(group.settled(late)).rejects.toMatchObject({ code: 'NOT_LEADER' })
  expect(balance(heir.node)).toBe(5)
})

test('a leader whose event loop hangs gives its lease back from another thread', async () => {
  const group = await start({ node: { lease: { ttlMs: 10_000 }, hangAfterMs: 1000 } })
  const hung = await group.led()
  const startedMs = group.nowMs
  hung.hang()
  const heir = await group.led()
  expect(group.nowMs - startedMs).toBeLessThan(3000)
  expect(heir).not.toBe(hung)
  const woken = group.sleep(10)
  hung.resume()
  await group.advance(100)
  await woken
  expect(hung.node.isLeader).toBe(false)
})

test('a write whose reply is lost takes effect once, however often it is sent', async () => {
  const group = await start()
  const leader = await group.loseReply()
  const code = await group.settled(deposit(leader.node, 'op').catch((error: { code: string }) => error.code))
  expect(leader.losing).toBe(false)
  expect([5, 'OUTCOME_UNKNOWN', 'NOT_LEADER']).toContain(code)
  const next = await group.led()
  expect(await group.settled(deposit(next.node, 'op'))).toBe(5)
  await group.until(() => group.instances.every(({ node }) => balance(node) === 5))
})

test('what nobody told an instance of reaches it all the same', async () => {
  const group = await start()
  const leader = await group.led()
  const deaf = group.instances.find((instance) => instance !== leader)
  deaf?.deafen()
  await group.settled(deposit(leader.node))
  await group.until(() => deaf?.node.position.index === leader.node.position.index)
  expect(deaf && balance(deaf.node)).toBe(5)
})

test('what Redis loses is put back', async () => {
  const group = await start()
  const leader = await group.led()
  await group.settled(deposit(leader.node))
  const lost = new Promise((resolve) => leader.node.once('logLost', resolve))
  group.wipeRedis()
  await group.settled(lost)
  const next = await group.led()
  expect(await group.settled(deposit(next.node))).toBe(10)
  await group.until(() => next.node.position.index >= 2)
})

test('an older copy of Redis can be brought back', async () => {
  const group = await start()
  await group.settled(deposit((await group.led()).node))
  const old = group.saveRedis()
  await group.settled(deposit((await group.led()).node))
  await group.until(() => group.instances.every(({ node }) => balance(node) === 10))
  group.stopRedis()
  group.startRedis(old)
  await group.until(() => group.instances.every(({ node }) => !node.isLeader))
  const next = await group.led()
  expect(await group.settled(deposit(next.node))).toBe(15)
})

test.each(['cut', 'hold'] as const)(
  'an instance on which its way to Redis is %s does not lead for long',
  async (how) => {
    const group = await start()
    const leader = await group.led()
    leader[how]()
    const heir = await group.until(() =>
      group.instances.find(({ node }) => node !== leader.node && node.isLeader),
    )
    await group.until(() => !leader.node.isLeader)
    await group.settled(deposit(heir.node))
    expect(balance(leader.node)).toBe(0)
    leader.mend()
    await group.until(() => balance(leader.node) === 5)
  },
)

test('apps are attached to each process, and told when it ends', async () => {
  const ends: string[] = []
  const group = await start({
    attach:
      ({ name, node }) =>
      () =>
        void ends.push(`${name} ${node.id}`),
  })
  const first = await group.led()
  const firstId = first.node.id
  await group.killLeader()
  expect(ends).toEqual([`${first.name} ${firstId}`])
  await group.settled(first.start())
  await group.settled(first.stop())
  expect(ends).toEqual([`${first.name} ${first.name}-1`, `${first.name} ${first.name}-2`])
})

test('the same seed gives the same run', async () => {
  async function run(seed: number): Promise<string> {
    const seen: string[] = []
    const group = await start({
      seed,
      attach: ({ name, node }) =>
        void node.on('leaderChanged', ({ leader }) => seen.push(`${name} ${leader?.id}`)),
    })
    for (let round = 0; round < 5; round++) {
      await group.settled(deposit((await group.led()).node))
      const dead = await group.killLeader()
      await group.led()
      seen.push(`${group.nowMs}`)
      await group.settled(dead.start())
    }
    await group.stop()
    return seen.join()
  }
  const first = await run(7)
  expect(await run(7)).toBe(first)
  expect(await run(8)).not.toBe(first)
})

test('what does not come about is said, not waited for', async () => {
  const group = await start()
  await expect(group.until(() => false, 100)).rejects.toThrow('Within 100 ms')
  await expect(group.settled(new Promise(() => {}), 100)).rejects.toThrow('Within 100 ms')
})

test('instances without a state machine only elect', async () => {
  const electors = await createTestGroup({ instances: 2, clock: 'virtual' })
  const dead = await electors.killLeader()
  expect(await electors.led()).not.toBe(dead)
  await electors.stop()
})

test('a start goes on through connections that break', async () => {
  const group = await start()
  const dead = await group.killLeader()
  await group.led()
  const started = dead.start()
  let broken = 0
  const breaking = (async () => {
    for (; broken < 100; broken++) {
      await group.sleep(1.5)
      dead.reset()
    }
  })()
  await group.settled(Promise.all([started, breaking]))
  expect(group.instances.every(({ node }) => node.role !== 'stopped')).toBe(true)
})

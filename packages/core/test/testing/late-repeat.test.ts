import { RequestScope, type Since, WINDOW_ONLY } from '../../src/index.js'
import { createTestGroup } from '../../src/testing/index.js'
import { journal } from '../journal.js'

type Group = Awaited<ReturnType<typeof start>>
type Instance = Group['instances'][number]

/** Keeps so few results that a handful of writes drives out all before them. */
function start() {
  const node = { resultsKept: 2, snapshotEntries: 8, trailingEntries: 0 }
  return createTestGroup({ stateMachine: journal, clock: 'virtual', instances: 2, node })
}

/** Who leads, and who does not. */
async function pairOf(group: Group): Promise<[Instance, Instance]> {
  const leader = await group.led()
  return [leader, group.instances.find((instance) => instance !== leader) as Instance]
}

/** Writes whose results are kept, so that others go. */
async function write(group: Group, count: number): Promise<void> {
  const { node } = await group.led()
  for (let i = 0; i < count; i++) {
    const line = `behind-${node.position.index}`
    await group.settled(node.write('add', line, { opId: line }))
  }
}

/** A request whose instance had seen the log up to `since` when it arrived, as it reaches the leader now. */
async function send(group: Group, since: Since | undefined) {
  const { node } = await group.led()
  const scope = new RequestScope({ requestId: 'r', fingerprint: 'f', since: since ?? WINDOW_ONLY })
  return group.settled(node.runRequest(scope, () => node.submit('add', 'once')))
}

async function agree(group: Group): Promise<void> {
  await group.until(() => new Set(group.instances.map(({ node }) => node.position.index)).size === 1)
}

/** How often the request has taken effect, on each instance. */
function effects(group: Group): number[] {
  return group.instances.map(({ node }) => node.read(({ lines }) => lines.filter((x) => x === 'once').length))
}

const UNKNOWN = { code: 'OUTCOME_UNKNOWN' }

test('is not run again when Redis has lost for good what had been seen before it arrived', async () => {
  const group = await start()
  const [leader, other] = await pairOf(group)
  await write(group, 3)
  await agree(group)
  const old = group.saveRedis()
  other.cut()
  await write(group, 20)
  const { seenHead } = leader.node
  // Redis goes back, and whoever had more than that is gone.
  leader.kill()
  group.stopRedis()
  group.startRedis(old)
  other.mend()

  // It runs at an index below the one that had been seen, and its result is driven out there.
  const { index } = await send(group, seenHead)
  expect(index).toBeLessThan(seenHead?.index ?? 0)
  await write(group, 6)
  expect(other.node.position.index).toBeLessThan(seenHead?.index ?? 0)
  await expect(send(group, seenHead)).rejects.toMatchObject(UNKNOWN)

  // Also on a replica that begins with a snapshot.
  await write(group, 20)
  await group.settled(leader.start())
  await expect(send(group, seenHead)).rejects.toMatchObject(UNKNOWN)
  await agree(group)
  expect(effects(group)).toEqual([1, 1])
  await group.stop()
})

test.each<[string, (group: Group) => Promise<void>]>([
  ['its leader died', async (group) => void (await group.killLeader())],
  [
    'the instances have put back what Redis had lost',
    async (group) => {
      group.wipeRedis()
      await group.until(() => group.leader === undefined)
    },
  ],
])('runs, and gives a repeat its first result, after %s', async (_what, happens) => {
  const group = await start()
  await write(group, 20)
  await agree(group)
  const { seenHead } = (await pairOf(group))[1].node
  await happens(group)
  const first = await send(group, seenHead)
  expect(first.index).toBeGreaterThan(seenHead?.index ?? Infinity)
  expect(await send(group, seenHead)).toEqual(first)
  await group.stop()
})

test('knows an empty log, which every request stands behind, from one that was not seen', async () => {
  const group = await createTestGroup({ stateMachine: journal, clock: 'virtual' })
  for (const { node } of group.instances) expect(node.seenHead).toEqual({ term: 0, index: 0 })
  await group.stop()
})

import { createTestGroup } from '../../src/testing/index.js'
import { journal } from '../journal.js'

test('an instance that lacks what Redis has lost answers no consistent read before that is back', async () => {
  const node = { writeConcern: { replicas: 1 } } as const
  const group = await createTestGroup({ stateMachine: journal, clock: 'virtual', node })
  const leader = await group.led()
  const old = group.saveRedis()
  const others = group.instances.filter((instance) => instance !== leader)
  const [behind, copy] = others as [(typeof others)[number], (typeof others)[number]]
  behind.cut()
  await group.settled(leader.node.write('add', 'x'))
  const { position } = leader.node
  for (const instance of [leader, copy]) instance.pause()
  group.stopRedis()
  group.startRedis(old)
  behind.mend()

  const read = (consistency: 'session' | 'linearizable') =>
    behind.node.readAt({ consistency, position, timeoutMs: 300 }, ({ lines }) => [...lines])
  for (const consistency of ['session', 'linearizable'] as const)
    await expect(group.settled(read(consistency))).rejects.toMatchObject({ code: 'LAGGING' })

  for (const instance of [leader, copy]) instance.resume()
  await group.until(() => behind.node.position.index >= position.index)
  for (const consistency of ['session', 'linearizable'] as const)
    expect(await group.settled(read(consistency))).toEqual(leader.node.read(({ lines }) => [...lines]))
  await group.stop()
})

test('a write that an instance out of reach may bring back is not called refused', async () => {
  const group = await createTestGroup({ stateMachine: journal, clock: 'virtual' })
  const leader = await group.led()
  const [holder, other] = group.instances.filter((instance) => instance !== leader) as [
    typeof leader,
    typeof leader,
  ]
  await group.settled(leader.node.write('add', 'first'))
  await group.until(() =>
    [holder, other].every(({ node }) => node.position.index === leader.node.position.index),
  )
  const { index } = leader.node.position
  other.cut()
  leader.loseReply()
  const answer = leader.node.write('add', 'in doubt').catch((error: { code: string }) => error.code)
  await group.until(() => !leader.losing)
  leader.cut()
  await group.until(() => holder.node.position.index > index)
  holder.cut()
  group.wipeRedis()
  other.mend()
  await group.until(() => other.node.isLeader)
  leader.mend()
  expect(await group.settled(answer)).toBe('OUTCOME_UNKNOWN')
  await group.stop()
})

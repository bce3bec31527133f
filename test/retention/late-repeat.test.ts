import { importSnapshot, RequestScope, type Since } from '@leasehold/core'
import { exported } from '../backup/vault.js'
import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type LedgerNode, member, stopMembers, write } from './ledger.js'
import { backUp, itemsOf, ledBy } from './old-copy.js'

afterEach(stopMembers)
afterAll(stopAll)

/** So few results are kept that a handful of writes drives out all before them. */
const options = { resultsKept: 2, settleMs: 100 }

/** Writes whose results are kept, so that others go. */
async function writeKept(node: LedgerNode, count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await node.write('add', { item: `kept-${i}` }, { opId: `kept-${node.position.index}` })
}

function seenBy({ seenHead }: LedgerNode): Since {
  if (!seenHead) throw new Error('It has seen no log')
  return seenHead
}

/** A request whose instance had seen the log up to `since` when it arrived. */
function send(leader: LedgerNode, since: Since) {
  const scope = new RequestScope({ requestId: 'r', fingerprint: 'f', since })
  return leader.runRequest(scope, () => leader.submit('add', { item: 'once' }))
}

test('what arrived before Redis went back for good is not run again once its result may be gone', async () => {
  const redis = await startRedis({ appendOnly: 'always' })
  const first = member(redis, 'first', options)
  await first.start()
  await writeKept(first, 5)
  const rollBack = await backUp(redis)
  await write(first, 40)
  const seenHead = seenBy(first)
  await first.stop()
  await rollBack() // and nobody is left who holds the forty

  const nodes = [member(redis, 'second', options), member(redis, 'third', options)]
  for (const node of nodes) await node.start()
  const leader = await ledBy(nodes)
  const { index } = await send(leader, seenHead)
  await writeKept(leader, 5)
  expect(seenHead.index).toBeGreaterThan(leader.position.index)
  await expect(send(leader, seenHead)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  expect(index).toBeLessThan(leader.position.index)

  await eventually(() => nodes.every((node) => node.position.index === leader.position.index))
  for (const node of nodes) expect(itemsOf(node).filter((item) => item === 'once')).toHaveLength(1)
})

test('what arrived before a backup, or behind it, runs in the log that begins with that', async () => {
  const [redis, other] = [await startRedis({ appendOnly: 'no' }), await startRedis({ appendOnly: 'no' })]
  const first = member(redis, 'first', options)
  await first.start()
  await writeKept(first, 10)
  const before = seenBy(first)
  const file = await exported(first)
  await first.stop()
  await importSnapshot({ group: 'ledger', redis: other.url }, [file])

  const heir = member(other, 'heir', options)
  await heir.start()
  await ledBy([heir])
  const behind = seenBy(heir)
  expect(behind).toEqual(before)
  const once = await send(heir, behind)
  expect(once.index).toBe(behind.index + 1)
  expect(await send(heir, before)).toEqual(once)
  await writeKept(heir, 5)
  await expect(send(heir, before)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  expect(itemsOf(heir).filter((item) => item === 'once')).toHaveLength(1)
})

import { createNode, defineStateMachine, type NodeOptions } from '@leasehold/core'

const ledger = defineStateMachine({
  name: 'ledger',
  version: 1,
  initial: () => ({ items: [] as string[], byItem: {} as Record<string, { place: number }> }),
  commands: {
    add(state, { item }: { item: string }) {
      state.byItem[item] = { place: state.items.push(item) }
      return state.items.length
    },
  },
})

const members = new Set<{ stop(): Promise<void> }>()

/** An instance with snapshots so frequent that a test sees them. */
export function member(redis: { url: string }, name: string, options: Partial<NodeOptions> = {}) {
  const node = createNode({
    group: 'ledger',
    name,
    redis: redis.url,
    lease: { ttlMs: 1000 },
    heartbeatMs: 50,
    stateMachine: ledger,
    snapshotEntries: 200,
    trailingEntries: 50,
    ...options,
  })
  members.add(node)
  return node
}

/** Stops what a test that failed has left running; in `afterEach`, before its Redis goes. */
export async function stopMembers(): Promise<void> {
  await Promise.all([...members].map((node) => node.stop()))
  members.clear()
}

export type LedgerNode = ReturnType<typeof member>

let written = 0

/** Writes so many items, all at once. */
export async function write(node: LedgerNode, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => node.write('add', { item: `item-${written++}` })))
}

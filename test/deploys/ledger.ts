import { createNode, defineStateMachine, type NodeOptions, type Warning } from '@leasehold/core'

/** What both versions replicate. `notes` came with version 2: absent until the first one is made. */
export interface Ledger {
  items: string[]
  notes?: Record<string, string>
}

const add = (state: Ledger, item: string) => state.items.push(item)

/** Makes what version 1 did not have when it needs it: `initial` is as much a part of every replica as the commands. */
function note(state: Ledger, { item, text }: { item: string; text: string }) {
  state.notes ??= {}
  state.notes[item] = text
}

const ledger = { name: 'ledger', initial: (): Ledger => ({ items: [] }) }

/** The app before the deploy. */
export const v1 = defineStateMachine({ ...ledger, version: 1, commands: { add } })
/** The app after it: a new command, and a version of its own. */
export const v2 = defineStateMachine({ ...ledger, version: 2, commands: { add, note } })
/** The new command without a new version. */
export const v1WithNote = defineStateMachine({ ...ledger, version: 1, commands: { add, note } })

const running = new Set<{ stop(): Promise<void> }>()

/** Options of an instance in these tests: quick to notice, snapshots so frequent that a test sees them. */
function optionsOf(redis: { url: string }, name: string, options: Partial<NodeOptions>) {
  return {
    group: 'deploys',
    name,
    redis: redis.url,
    lease: { ttlMs: 1000 },
    heartbeatMs: 100,
    settleMs: 100,
    snapshotEntries: 100,
    trailingEntries: 20,
    ...options,
  }
}

/** An instance of version 1; `warnings` is what it has warned of. */
export function oldMember(redis: { url: string }, name: string, options: Partial<NodeOptions> = {}) {
  return observed(createNode({ ...optionsOf(redis, name, options), stateMachine: v1 }))
}

/** An instance of version 2. */
export function newMember(redis: { url: string }, name: string, options: Partial<NodeOptions> = {}) {
  return observed(createNode({ ...optionsOf(redis, name, options), stateMachine: v2 }))
}

/** An instance of version 1 that has the new command already. */
export function knowingMember(redis: { url: string }, name: string, options: Partial<NodeOptions> = {}) {
  return observed(createNode({ ...optionsOf(redis, name, options), stateMachine: v1WithNote }))
}

export type OldMember = ReturnType<typeof oldMember>
export type NewMember = ReturnType<typeof newMember>

function observed<
  N extends { stop(): Promise<void>; on(event: 'warning', fn: (w: Warning) => void): unknown },
>(node: N): N & { readonly warnings: readonly Warning[] } {
  const warnings: Warning[] = []
  node.on('warning', (warning) => warnings.push(warning))
  running.add(node)
  return Object.assign(node, { warnings })
}

/** Stops every instance that a test has made; for `afterEach`. */
export async function stopMembers(): Promise<void> {
  await Promise.all([...running].map((node) => node.stop()))
  running.clear()
}

let written = 0

/** Adds so many items, all at once; each is another. */
export async function addItems(
  node: { write(command: 'add', item: string): Promise<number> },
  count: number,
): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => node.write('add', `item ${written++}`)))
}

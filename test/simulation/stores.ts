import { defineStateMachine, type ReplicatedNode, type WriteConcern } from '@leasehold/core'
import { createTestGroup, type TestGroup, type TestInstance } from '@leasehold/core/testing'

export interface Stores {
  lists: Record<string, string[]>
  registers: Record<string, string>
}

/** Lists and registers by key, as the history checkers know them. */
const stores = defineStateMachine({
  name: 'stores',
  version: 1,
  initial: (): Stores => ({ lists: {}, registers: {} }),
  commands: {
    /** Returns the item's place, from 1. */
    push(state, { key, value }: { key: string; value: string }) {
      return (state.lists[key] ??= []).push(value)
    },
    put(state, { key, value }: { key: string; value: string }) {
      state.registers[key] = value
    },
    /** Returns what it found if that was not what was expected. */
    cas(state, { key, expect, value }: { key: string; expect: string | null; value: string }) {
      const found = state.registers[key] ?? null
      if (found !== expect) return { found }
      state.registers[key] = value
      return undefined
    },
  },
})

type StoresNode = ReplicatedNode<Stores, (typeof stores)['commands']>
export type StoresGroup = TestGroup<StoresNode>
export type StoresInstance = TestInstance<StoresNode>

/** Three instances in virtual time, with leases as short and snapshots as frequent as may be. */
export function startStores(
  seed: number,
  attach: (instance: StoresInstance) => void,
  writeConcern: WriteConcern,
): Promise<StoresGroup> {
  return createTestGroup({
    stateMachine: stores,
    clock: 'virtual',
    seed,
    latencyMs: [0.1, 3],
    attach,
    node: {
      lease: { ttlMs: 500 },
      heartbeatMs: 100,
      commandTimeoutMs: 200,
      writeTimeoutMs: 1000,
      settleMs: 1000,
      snapshotEntries: 20,
      trailingEntries: 5,
      writeConcern,
    },
  })
}

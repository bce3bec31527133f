import { isDeepStrictEqual } from 'node:util'
import { defineStateMachine, type Json } from '@leasehold/core'

/** What is replicated. Keys are the clients', so each stands behind a sign: `__proto__` is a key like any other. */
export interface KvState {
  values: Record<string, Json>
  lists: Record<string, string[]>
}

/** Where a client's key stands. */
export function slot(key: string): string {
  return `=${key}`
}

export const kv = defineStateMachine({
  name: 'kv',
  version: 1,
  initial: (): KvState => ({ values: {}, lists: {} }),
  commands: {
    put(state, { key, value }: { key: string; value: Json }) {
      state.values[slot(key)] = value
    },

    /** Sets the value if it is as expected; null expects that there is none. Answers what is there otherwise. */
    cas(state, { key, expect, value }: { key: string; expect: Json; value: Json }) {
      const present = state.values[slot(key)] ?? null
      if (!isDeepStrictEqual(present, expect)) return { swapped: false, present }
      state.values[slot(key)] = value
      return { swapped: true, present: value }
    },

    /** Appends an item, and answers its position, counted from 1. */
    push(state, { key, item }: { key: string; item: string }) {
      const list = (state.lists[slot(key)] ??= [])
      return list.push(item)
    },
  },
})

export type KvCommands = typeof kv.commands

import { defineStateMachine } from '@leasehold/core'

export const counters = defineStateMachine({
  name: 'counters',
  version: 1,
  initial: () => ({ counts: {} as Record<string, number> }),
  commands: {
    increment(state, { name }: { name: string }) {
      const key = `=${name}` // `__proto__` is a name like any other
      return (state.counts[key] = (state.counts[key] ?? 0) + 1)
    },
  },
})

import { CommandError, defineStateMachine } from '@leasehold/core'

/** Votes by choice. Polls and choices are the clients', so each stands behind a sign. */
export interface Poll {
  readonly votes: Record<string, number>
  closed: boolean
}

export function slot(name: string): string {
  return `=${name}`
}

export const polls = defineStateMachine({
  name: 'polls',
  version: 1,
  initial: () => ({ polls: {} as Record<string, Poll> }),
  commands: {
    vote(state, { poll, choice }: { poll: string; choice: string }) {
      const { votes, closed } = (state.polls[slot(poll)] ??= { votes: {}, closed: false })
      if (closed) throw new CommandError(`The poll ${poll} is closed`, { reason: 'CLOSED' })
      return (votes[slot(choice)] = (votes[slot(choice)] ?? 0) + 1)
    },

    close(state, { poll }: { poll: string }) {
      ;(state.polls[slot(poll)] ??= { votes: {}, closed: false }).closed = true
    },
  },
})

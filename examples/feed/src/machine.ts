import { CommandError, defineStateMachine } from '@leasehold/core'

/** A note on the board. */
export interface Note {
  /** Index of the entry that put it there. */
  readonly id: number
  readonly text: string
  /** Log time, in ms since 1970. */
  readonly at: number
}

/** Older notes fall off the board. */
const NOTES_KEPT = 1000

export const board = defineStateMachine({
  name: 'board',
  version: 1,
  initial: () => ({ notes: [] as Note[] }),
  commands: {
    post(state, { text }: { text: string }, ctx) {
      const note: Note = { id: ctx.index, text, at: ctx.time }
      state.notes.push(note)
      if (state.notes.length > NOTES_KEPT) state.notes.shift()
      return note
    },

    erase(state, { id }: { id: number }) {
      const at = state.notes.findIndex((note) => note.id === id)
      if (at < 0) throw new CommandError(`There is no note ${id}`, { reason: 'NO_SUCH_NOTE' })
      state.notes.splice(at, 1)
      return { id }
    },
  },
})

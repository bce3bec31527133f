import { CommandError, defineStateMachine } from '../src/index.js'

/** What the nodes of these tests replicate: a list that commands append to, in an order that can be compared. */
export const journal = defineStateMachine({
  name: 'journal',
  version: 1,
  initial: () => ({ lines: [] as string[] }),
  commands: {
    add(state, line: string) {
      return state.lines.push(line)
    },
    draw(state, _: undefined, ctx) {
      return state.lines.push(`${ctx.random()} ${ctx.uuid()} ${ctx.time}`)
    },
    all(state) {
      return state.lines
    },
    refuse(_, reason: string): void {
      throw new CommandError('refused', { reason })
    },
    fail(): void {
      throw new TypeError('a bug of the app')
    },
  },
})

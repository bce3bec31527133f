import type { StateMachine } from './state-machine.js'

/** The state machine of an instance that only elects. */
export const nothingToApply: StateMachine = {
  name: '',
  version: 0,
  knows: () => false,
  apply: () => ({ ok: true, result: undefined }),
  snapshot: () => null,
  restore: () => {},
  reset: () => {},
}

import { defineStateMachine } from '../../packages/core/dist/esm/index.js'

const KEYS = 1000

/** A map in which every read finds something. */
export const machine = defineStateMachine({
  name: 'reads',
  version: 1,
  initial: () => ({}),
  commands: {
    fill(state) {
      for (let at = 0; at < KEYS; at++) state[`key-${at}`] = `${at}`.padEnd(100, 'x')
    },
  },
})

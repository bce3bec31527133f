import { createNode, defineStateMachine } from '../../packages/core/dist/esm/index.js'
import { atOnce } from './at-once.mjs'

const OUTSTANDING = 256

/**
 * An instance of ours whose state is one map: `put({ key, value })` stores a value. `applied` hears of each, with its argument. With the
 * defaults that users get, unless `options` says otherwise.
 */
export function createReplica({ redis, group, name, options = {} }, applied = () => {}) {
  const machine = defineStateMachine({
    name: 'bench',
    version: 1,
    initial: () => ({}),
    commands: {
      put(state, args) {
        state[args.key] = args.value
        applied(args)
      },
    },
  })
  return createNode({ group, redis, name, stateMachine: machine, ...options })
}

/** Writes entries: `argumentsOf(at)` are those of each. */
export function fill(node, argumentsOf, writes) {
  return atOnce(writes, OUTSTANDING, (at) => node.write('put', argumentsOf(at)))
}

import { createNode, defineStateMachine } from '../../packages/core/dist/esm/index.js'

/**
 * An instance of ours whose state is one map: `put({ key, value })` stores a value. `applied` hears of each entry. With the
 * defaults that users get, unless `options` says otherwise.
 */
export function createReplica({ redis, group, name, options = {} }, applied = () => {}) {
  const machine = defineStateMachine({
    name: 'bench',
    version: 1,
    initial: () => ({}),
    commands: {
      put(state, { key, value }, { index }) {
        state[key] = value
        applied(index)
      },
    },
  })
  return createNode({ group, redis, name, stateMachine: machine, ...options })
}

/** Writes entries, so many at a time: `argumentsOf(at)` are those of each. */
export async function fill(node, argumentsOf, writes, outstanding = 256) {
  let next = 0
  const one = async () => {
    while (next < writes) await node.write('put', argumentsOf(next++))
  }
  await Promise.all(Array.from({ length: outstanding }, one))
}

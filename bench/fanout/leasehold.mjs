import { createNode, defineStateMachine } from '../../packages/core/dist/esm/index.js'
import { put } from './payload.mjs'

/** Ours, with the defaults that users get. */
async function join({ redis, group, name }, applied) {
  const machine = defineStateMachine({
    name: 'fanout',
    version: 1,
    initial: () => ({}),
    commands: {
      put(state, args) {
        put(state, args)
        applied(args)
      },
    },
  })
  const node = createNode({ group, redis, name, stateMachine: machine })
  await node.start()
  return node
}

export async function lead(settings) {
  const node = await join(settings, () => {})
  return { write: (args) => node.write('put', args), close: () => node.stop() }
}

export async function follow(settings, applied) {
  const node = await join(settings, applied)
  return { close: () => node.stop() }
}

import { createReplica } from '../shared/replica.mjs'

/** Ours, with the defaults that users get. */
async function join({ redis, group, name }, applied) {
  const node = createReplica({ redis, group, name }, applied)
  await node.start()
  return node
}

export async function lead(settings) {
  const node = await join(settings)
  return { write: (args) => node.write('put', args), close: () => node.stop() }
}

export async function follow(settings, applied) {
  const node = await join(settings, applied)
  return { close: () => node.stop() }
}

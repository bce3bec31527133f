import type { AdapterNode } from './adapter-node.js'

/** Nodes that `gracefulShutdown` is taking down. Weak, so that a forgotten node is not kept. */
const leaving = new WeakSet<object>()

/** Remembers that `node` is about to stop: `/readyz` fails from now on. */
export function markShuttingDown(node: object): void {
  leaving.add(node)
}

/** True once `gracefulShutdown` has begun to take this node down. */
export function isShuttingDown(node: object): boolean {
  return leaving.has(node)
}

/** Nodes that have stopped: they know their successor, or never will. */
const gone = new WeakSet<object>()

/** Remembers that `node` has stopped altogether. Until then it may still learn who leads next. */
export function markGone(node: object): void {
  gone.add(node)
}

/** True once a node that `gracefulShutdown` takes down has stopped altogether. */
export function isGone(node: object): boolean {
  return gone.has(node)
}

/** Takes a node out of its group because its server closes: as `gracefulShutdown` does, without the server. */
export async function leaveGroup(node: AdapterNode): Promise<void> {
  markShuttingDown(node)
  try {
    await node.stop()
  } finally {
    markGone(node)
  }
}

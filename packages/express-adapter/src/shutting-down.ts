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

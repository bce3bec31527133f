import { createNode, type ElectionNode, type NodeOptions, type ReplicatedNode } from '../src/index.js'
import { journal } from './journal.js'

/** A node with a replica of the journal. */
export type JournalNode = ReplicatedNode<ReturnType<typeof journal.initial>, typeof journal.commands>

const running = new Set<ElectionNode>()
let made = 0

/** Short times, so that what takes some of them does not take long. */
const QUICK = { lease: { ttlMs: 1000 }, heartbeatMs: 100, settleMs: 100, startTimeoutMs: 15_000 }

/** A group of its own for each test, so that tests can share a Redis. */
export function newGroup(): string {
  return `g${++made}`
}

/** A node that is stopped after the test. Give it `group` and `redis`; it has a name of its own. */
export function journalNode(options: NodeOptions): JournalNode {
  return track(createNode({ ...QUICK, name: `n${++made}`, ...options, stateMachine: journal }))
}

/** As `journalNode`, without a state machine. */
export function electionNode(options: NodeOptions): ElectionNode {
  return track(createNode({ ...QUICK, name: `n${++made}`, ...options }))
}

/** For a node that the test made itself. */
export function track<N extends ElectionNode>(node: N): N {
  running.add(node)
  return node
}

/** Stops every node of this file's tests; for `afterEach`, before their Redis goes. */
export async function stopNodes(): Promise<void> {
  await Promise.all([...running].map((node) => node.stop()))
  running.clear()
}

import { formatPosition, LineageLostError, type Position, type ReplicatedNode } from '@leasehold/core'
import type { board, Note } from './machine.js'

export type BoardNode = ReplicatedNode<ReturnType<typeof board.initial>, typeof board.commands>

/** What a client is told. `id` is what it shows to go on from here, at whichever instance. */
export type FeedEvent = {
  readonly id: string
} /** All notes. Comes first, and again whenever what came between cannot be told. */ & (
  | { readonly event: 'board'; readonly data: readonly Note[] }
  | { readonly event: 'posted'; readonly data: Note }
  | { readonly event: 'erased'; readonly data: { readonly id: number } }
)

/**
 * The board, then every change of it, each once and in order; or only what changed since `seen`, where that can be told.
 * Ends with `signal`, and when the node stops.
 */
export async function* feedOf(
  node: BoardNode,
  seen: Position | undefined,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent, void> {
  let after = seen
  for (;;) {
    if (after === undefined) {
      // Notes and position belong together: nothing is applied in between.
      after = node.position
      yield { event: 'board', id: formatPosition(after), data: node.read((state) => [...state.notes]) }
    }
    try {
      if ((yield* changesOf(node, after, signal)) === 'over') return
    } catch (error) {
      if (!(error instanceof LineageLostError)) throw error
    }
    after = undefined // it cannot be told what changed: begin with the board again
  }
}

/** What changed behind `after`. */
async function* changesOf(
  node: BoardNode,
  after: Position,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent, 'over' | 'lost'> {
  for await (const change of node.changes({ after, signal })) {
    // Results of requests are kept, so one that is unknown is very old.
    if (change.type === 'reset' || change.outcome === 'unknown') return 'lost'
    if (change.outcome !== 'ok') continue // a command that refused has changed nothing
    const id = formatPosition(change.position)
    if (change.command === 'post') yield { event: 'posted', id, data: change.result }
    else yield { event: 'erased', id, data: change.result }
  }
  return 'over'
}

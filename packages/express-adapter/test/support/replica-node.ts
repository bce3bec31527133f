import { LaggingError, LineageLostError, type Position, type ReadOptions } from '@leasehold/core'
import { RepeatingNode } from './repeating-node.js'

/** A stand-in whose replica stands where the test says, and reads accordingly. */
export class ReplicaNode extends RepeatingNode {
  /** How long reads were to wait for what. */
  readonly asked: ReadOptions[] = []
  /** Whether the log can be looked at. */
  reachable = true

  async reach(options: ReadOptions): Promise<void> {
    this.asked.push(options)
    const { consistency, position, timeoutMs = 0 } = options
    if (consistency === 'session' && position && this.hasApplied(position)) return
    if (!this.reachable) throw new LaggingError(timeoutMs)
    if (consistency === 'session' && position) throw new LineageLostError(position)
  }

  hasApplied({ logId, term, index }: Position): boolean {
    return logId === this.position.logId && index <= this.position.index && term <= this.position.term
  }

  /** The replica applies up to `index`. */
  apply(index: number): void {
    this.position = { ...this.position, index }
  }
}

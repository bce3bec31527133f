import type {
  ElectionNode,
  Position,
  ReadOptions,
  RequestScope,
  Since,
  Tracer,
  WarningCode,
} from '@leasehold/core'

/**
 * What this package needs of a node. Every node of `@leasehold/core` fits, with or without a state machine; so does
 * a small stand-in for a test of your own.
 */
export type AdapterNode = Pick<
  ElectionNode,
  | 'id'
  | 'group'
  | 'role'
  | 'isLeader'
  | 'term'
  | 'leader'
  | 'position'
  | 'leaseTtlMs'
  | 'credentials'
  | 'leads'
  | 'requireUrl'
  | 'status'
  | 'groupStatus'
  | 'stop'
  | 'switchover'
  | 'pause'
  | 'resume'
  | 'on'
  | 'off'
> & {
  /** Only nodes with a state machine have a log. */
  readonly seenHead?: Since | undefined
  /** Only nodes with a state machine have writes that can be known by their request. */
  runRequest?<T>(scope: RequestScope, handler: () => T): T
  /** Only nodes with a state machine have a replica that can be waited for. */
  reach?(options: ReadOptions): Promise<void>
  hasApplied?(position: Position): boolean
  /** Whether a read that asks for `position` has nothing to wait for. */
  isReadableAt?(position: Position): boolean
  /** Whether its replica cannot know how old its data is. */
  readonly stale?: boolean
  /** Makes the spans of what is done with its requests. */
  readonly tracer?: Tracer | undefined
  /** A connection to the leader `id` broke: its process may be gone. */
  suspect?(id: string): void
  /** What it counts and measures of itself, and where what is done with requests is counted. */
  readonly metrics?: ElectionNode['metrics']
  /** Raises a `warning` event. */
  warn?(code: WarningCode, message: string): void
}

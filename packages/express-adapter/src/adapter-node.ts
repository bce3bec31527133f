import type { ElectionNode } from '@leasehold/core'

/**
 * What this package needs of a node. Every node of `@leasehold/core` fits, with or without a state machine; so does
 * a small stand-in for a test of your own.
 */
export type AdapterNode = Pick<
  ElectionNode,
  | 'id'
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
  | 'on'
  | 'off'
>

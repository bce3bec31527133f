import type { Clock } from './clock.js'
import type { LeaseStore } from './elect/lease.js'
import type { LoadGauge } from './elect/loop-load.js'
import type { MemberStore } from './elect/members.js'
import type { LogStore } from './log/log-store.js'
import type { SnapshotStore } from './log/snapshot.js'
import type { OrderStore } from './operate/orders.js'
import type { JobTransport } from './replicate/job-transport.js'

/**
 * The world outside a node: everything that it waits for, talks to or measures. `redis/` has the real ones; the stages know only
 * these interfaces, so that the same code can run over others, in virtual time.
 */
export interface Parts {
  readonly clock: Clock
  readonly load: LoadGauge
  readonly leases: LeaseStore
  readonly log: LogStore
  readonly members: MemberStore
  readonly orders: OrderStore
  readonly snapshots: SnapshotStore
  readonly transport: JobTransport
}

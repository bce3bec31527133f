import { leasehold } from './plugin.js'

export {
  type AdapterNode,
  BodyConsumedError,
  type Consistency,
  type GracefulShutdownOptions,
  type LeaderTls,
  NoLeaderError,
  NoPublicUrlError,
  RequestOutcomeUnknownError,
  type RequestWrites,
} from '@leasehold/http'
export type { ClusterOptions } from './cluster.js'
export { clusterErrors, type ErrorHandler } from './error-handler.js'
export { leaderOnly } from './hooks.js'
export {
  type ConsistentReadsOptions,
  leasehold,
  type LeaseholdOptions,
  type RequestMatch,
  type RouteWritesOptions,
} from './plugin.js'
export { gracefulShutdown } from './shutdown.js'
export default leasehold

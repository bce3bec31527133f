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
export { clusterErrors } from './error-handler.js'
export { type ClusterRouterOptions, clusterRouter } from './cluster.js'
export { consistentReads, type ConsistentReadsOptions } from './reads.js'
export { gracefulShutdown } from './shutdown.js'
export { leaderOnly } from './guard.js'
export { type RequestMatch, routeWrites, type RouteWritesOptions } from './routing.js'

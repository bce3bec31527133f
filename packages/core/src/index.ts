export type { Ctx } from './apply/context.js'
export { type Json, NotJsonError } from './apply/json.js'
export {
  type ArgsOf,
  type CheckedCommands,
  type Commands,
  defineStateMachine,
  type ResultOf,
  type StateMachineDefinition,
} from './apply/state-machine.js'
export type { ReadContext, ReadOptions, WriteArguments, WriteOptions } from './calls.js'
export { createNode } from './create-node.js'
export { ElectionNode } from './election-node.js'
export type { ErrorCode } from './error-codes.js'
export {
  BusyError,
  CommandError,
  CommandFailedError,
  LaggingError,
  LeaseholdError,
  LineageLostError,
  LogRefusedError,
  NotLeaderError,
  NotSupportedError,
  OptionsError,
  OutcomeUnknownError,
  SwitchoverFailedError,
} from './errors.js'
export type {
  ChangeReason,
  DemotionReason,
  LeaderChange,
  LeaderInfo,
  NodeEvents,
  Role,
  Warning,
  WarningCode,
} from './events.js'
export { type ImportedSnapshot, type ImportOptions, importSnapshot } from './import-snapshot.js'
export { type Since, WINDOW_ONLY } from './log/entry.js'
export type { Measurements, NodeMetrics } from './node-metrics.js'
export type { Logger } from './observe/logger.js'
export type { CountName, Counts, Distribution, DistributionName, Distributions } from './observe/meters.js'
export {
  errorTypeOf,
  isTraceparent,
  type Span,
  type SpanAttributes,
  type SpanEnd,
  type SpanStart,
  type TraceContext,
  type Tracer,
} from './observe/tracing.js'
export type { AuditStatus } from './operate/audit.js'
export type { Credentials } from './operate/credentials.js'
export type { LeaderContext, LeaderFunction } from './operate/leader-work.js'
export type { PauseOptions } from './operate/pause.js'
export type { RotateOptions } from './operate/rotation.js'
export type { SnapshotSource } from './operate/snapshot-import.js'
export type { GroupStatus, InstanceStatus, JobQueue, MemberStatus, Times } from './operate/status.js'
export type { SwitchoverOptions } from './operate/switchover-request.js'
export {
  DEFAULTS,
  type DataLossPolicy,
  type NodeOptions,
  type RedisTarget,
  type WriteConcern,
} from './options.js'
export { formatPosition, parsePosition, type Position } from './position.js'
export type {
  Change,
  ChangeOutcome,
  ChangePlace,
  ChangesOptions,
  EntryChange,
  ResetChange,
} from './read/changes.js'
export { ReplicatedNode } from './replicated-node.js'
export type { Committed } from './write/pending-writes.js'
export { type RequestIdentity, RequestScope } from './write/request-scope.js'

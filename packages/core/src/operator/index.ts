export { LeaseholdError, OptionsError, SwitchoverFailedError } from '../errors.js'
export type { ChangeReason, LeaderChange, LeaderInfo } from '../events.js'
export type { Entry } from '../log/entry.js'
export type { PauseOptions } from '../operate/pause.js'
export type { SwitchoverOptions } from '../operate/switchover-request.js'
export type { ComparedReplica, ReplicaComparison, ReplicaDifference } from './comparison.js'
export type { ExamineOptions } from './examine.js'
export { type Finding, FINDING_SUBJECTS, type FindingLevel, type FindingSubject } from './finding.js'
export type { GroupReport, MemberReport, MemberState } from './group-report.js'
export {
  type ListedGroups,
  listGroups,
  type LogSlice,
  openOperator,
  Operator,
  type OperatorOptions,
} from './operator.js'

import { LeaseholdError, type GroupStatus } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { after } from './clock.js'

/** How long `/status` waits for Redis before it answers without the group. */
const GROUP_TIMEOUT_MS = 2000

/** The part of `/status` that Redis knows; `group` is null and `error` says why when it cannot be asked. */
export interface GroupReport {
  readonly group: Omit<GroupStatus, 'times' | 'inconsistency'> | null
  /** T_request, T_copy, T_recover and their sum in ms; undefined until measured. */
  readonly requestMs: number | undefined
  readonly copyMs: number | undefined
  readonly recoverMs: number | undefined
  readonly totalMs: number | undefined
  /** C: the mean number of entries that the replicas are behind. */
  readonly inconsistency: number | undefined
  readonly error?: { readonly code: string; readonly message: string }
}

/** Asks Redis for the group. Never rejects: an instance that cannot reach Redis must still be able to say so. */
export async function groupReport(node: AdapterNode): Promise<GroupReport> {
  const group = await askInTime(node)
  if (group instanceof Error) {
    const unknown = {
      requestMs: undefined,
      copyMs: undefined,
      recoverMs: undefined,
      totalMs: undefined,
      inconsistency: undefined,
    }
    const code = group instanceof LeaseholdError ? group.code : 'REDIS_UNREACHABLE'
    return { group: null, ...unknown, error: { code, message: group.message } }
  }
  const { times, inconsistency, ...rest } = group
  const { requestMs, copyMs, recoverMs, totalMs } = times
  return { group: rest, requestMs, copyMs, recoverMs, totalMs, inconsistency }
}

function askInTime(node: AdapterNode): Promise<GroupStatus | Error> {
  return new Promise((resolve) => {
    const cancel = after(GROUP_TIMEOUT_MS, () =>
      resolve(new Error(`Redis did not answer within ${GROUP_TIMEOUT_MS} ms.`)),
    )
    const settle = (outcome: GroupStatus | Error) => {
      cancel()
      resolve(outcome)
    }
    node
      .groupStatus()
      .then(settle, (error: unknown) => settle(error instanceof Error ? error : new Error(String(error))))
  })
}

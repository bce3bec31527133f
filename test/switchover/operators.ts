import type { LedgerProcess, LedgerProcesses } from '../faults/ledger-process.js'

/** What a process says of a call by which an operator steers. */
export interface Told {
  readonly code: string
  readonly reason?: string
  readonly message?: string
  /** Who leads now, after a switchover. */
  readonly id?: string
  readonly term?: number
}

/** Three processes, of which `a` leads. */
export async function threeOf(
  group: LedgerProcesses,
): Promise<[LedgerProcess, LedgerProcess, LedgerProcess]> {
  return [await group.add('a'), await group.add('b'), await group.add('c')]
}

/** Asks a process for a switchover. */
export function switchover(
  asked: LedgerProcess,
  options: { to?: string; timeoutMs?: number } = {},
): Promise<Told> {
  return asked.call<Told>('switchover', options)
}

/** What a failed switchover says. */
export const failedFor = (reason: string) => ({ code: 'SWITCHOVER_FAILED', reason })

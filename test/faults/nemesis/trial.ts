import { checkLists } from '../../support/check-lists.js'
import { checkRegisters } from '../../support/check-registers.js'
import { checkSessions } from '../../support/check-sessions.js'
import { converged } from '../../support/converged.js'
import { inWords, isRead, type Operation } from '../../support/history.js'
import { Draws } from './draws.js'
import { checkJournals, type Loss } from './journal.js'
import type { Apart, Row } from './row.js'
import { Stage } from './stage.js'

/** What came of one run of a row. */
export interface Trial {
  readonly row: string
  readonly seed: number
  /** Broken promises, one sentence each. */
  readonly problems: readonly string[]
  /** Where the processes' journals are, if there are problems. */
  readonly journals?: string
  /** Why the run proves nothing: what the fault was to do and did not. */
  readonly invalid: readonly string[]
  readonly bit: Readonly<Record<string, number>>
  readonly requests: number
  /** Requests that were refused, or whose outcome nobody knows: how many of each status and code. */
  readonly errors: Readonly<Record<string, number>>
  /** Acknowledged writes that went down with Redis and with all who had them. */
  readonly lost: number
  readonly ms: number
}

/**
 * Runs a row once: a group of processes under load, the fault, its end; then all must go on and hold the same, and what
 * clients and processes saw must fit the promises.
 *
 * @throws Error if the group does not go on.
 */
export async function runRow(row: Row, seed: number): Promise<Trial> {
  const startMs = performance.now()
  const draw = new Draws(seed)
  const stage = await Stage.open((await row.stage?.(draw)) ?? {}, seed, draw)
  try {
    await stage.goesOn()
    const { bit, loss, apart = [], mayDiverge = false, isSeamless = false } = await row.inject(stage)
    stage.heal()
    await stage.goesOn()
    const history = await stage.stopLoad()
    const replicas = await converged(
      stage.actors.map(({ instance }) => instance),
      stage.loadKeys,
    )
    const [seen, owed] = [whileItHeld(together(history, apart), loss), withoutLost(history, loss)]
    const errors = history.filter(({ outcome }) => outcome !== 'ok')
    const { journals } = stage
    const log = await stage.readLog()
    const problems = [
      ...(await stage.crashes()),
      ...(await stage.checkHead(log)),
      ...checkLists(owed, replicas),
      ...checkRegisters(seen),
      ...checkSessions(seen),
      ...checkJournals({ journals, history, log, loss, mayDiverge }),
      ...(isSeamless ? errors.map(said) : []),
    ]
    if (problems.length > 0) stage.keepJournals()
    return {
      row: row.id,
      seed,
      problems,
      ...(problems.length > 0 && { journals: stage.folder }),
      invalid: Object.keys(bit).filter((what) => !((bit[what] ?? 0) > 0)),
      bit,
      requests: history.length,
      errors: countsOf(errors.map(({ status = 'no reply', reason }) => `${status} ${reason}`)),
      lost: history.filter((operation, at) => operation !== owed[at]).length,
      ms: Math.round(performance.now() - startMs),
    }
  } finally {
    await stage.close()
  }
}

function countsOf(words: readonly string[]): Record<string, number> {
  return Object.fromEntries(words.map((word) => [word, words.filter((other) => other === word).length]))
}

/** Without what was read while some were with another server than others. */
function together(history: readonly Operation[], apart: readonly Apart[]): readonly Operation[] {
  const isApart = ({ servedBy, startMs, endMs }: Operation) =>
    apart.some((one) => (one.id ?? servedBy) === servedBy && endMs >= one.fromMs && startMs <= one.untilMs)
  return history.filter((operation) => !isRead(operation) || !isApart(operation))
}

/** Registers and sessions are looked at until a loss: behind it, clients rightly find what was there long before. */
function whileItHeld(history: readonly Operation[], loss: Loss | undefined): readonly Operation[] {
  if (!loss) return history
  const before = history.filter(({ startMs }) => startMs < loss.atMs)
  return before.map((operation) =>
    operation.endMs < loss.atMs ? operation : { ...operation, outcome: 'unknown' as const },
  )
}

/** Nobody owes what was lost; it must not come back in another place either. */
function withoutLost(history: readonly Operation[], loss: Loss | undefined): readonly Operation[] {
  if (!loss) return history
  const isLost = ({ outcome, term, index = 0, endMs }: Operation) =>
    outcome === 'ok' && term !== undefined && endMs < loss.atMs && index > loss.survivingIndex
  return history.map((operation) =>
    isLost(operation) ? { ...operation, outcome: 'unknown' as const } : operation,
  )
}

function said(operation: Operation): string {
  return `${inWords(operation)} through ${operation.url}: ${operation.status} ${operation.reason}`
}

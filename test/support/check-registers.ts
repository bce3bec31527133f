import { inWords, isRead, json, type Operation } from './history.js'
import { type DeadEnd, findOrder, type Step } from './linearization.js'

/** How thorough the check is. */
export interface CheckRegistersOptions {
  /** How much is searched for each key before the check gives up: sets of operations and values. Default a million. */
  maxReached?: number
}

/** What was there before anything was put. */
const NOTHING = json(null)

/**
 * Checks that puts, cas and linearizable gets are linearizable (G9): that one order of them explains every answer, in which
 * each took effect at some moment between its start and its end. A register does not depend on others, so each key is looked
 * at by itself (M. Herlihy and J. Wing, "Linearizability", 1990; the search is described at `findOrder`).
 *
 * A refused write must have had no effect. An unknown one may have had it at any time after its start, or never. Gets that
 * asked for less than linearizability are not looked at.
 *
 * @returns what is wrong, one sentence each; empty if nothing is. No verdict is a problem, too.
 */
export function checkRegisters(
  history: readonly Operation[],
  { maxReached = 1_000_000 }: CheckRegistersOptions = {},
): string[] {
  const steps = history.flatMap((operation) => stepOf(operation) ?? [])
  const keys = new Set(steps.map(({ operation }) => operation.key))
  return [...keys].flatMap((key) => {
    const ofKey = steps.filter(({ operation }) => operation.key === key)
    const verdict = findOrder(ofKey, NOTHING, maxReached)
    if (verdict === 'order') return []
    if (verdict === 'no verdict')
      return [`${key}: no verdict on ${ofKey.length} operations after ${maxReached} sets of them`]
    return [`${key}: ${inOneSentence(verdict)}`]
  })
}

interface RegisterStep extends Step {
  readonly operation: Operation
}

/** Undefined for an operation that tells nothing: what surely had no effect, reads without an answer, and other kinds. */
function stepOf(operation: Operation): RegisterStep | undefined {
  const { kind, outcome, consistency, startMs, present } = operation
  if (outcome === 'failed' || (isRead(operation) && outcome !== 'ok')) return undefined
  const endMs = outcome === 'ok' ? operation.endMs : Infinity
  const value = json(operation.value)
  const step = { operation, startMs, endMs }
  if (kind === 'put') return { ...step, onlyReads: false, after: () => value }
  if (kind === 'get' && consistency === 'linearizable')
    return { ...step, onlyReads: true, after: (state) => (state === value ? state : undefined) }
  if (kind !== 'cas') return undefined
  const expected = json(operation.expect)
  if (present === undefined)
    return { ...step, onlyReads: false, after: (state) => (state === expected ? value : undefined) }
  const found = json(present)
  return {
    ...step,
    onlyReads: true,
    after: (state) => (state === found && state !== expected ? state : undefined),
  }
}

function inOneSentence({ order, state, stuck, open }: DeadEnd<RegisterStep>): string {
  const list = (steps: readonly RegisterStep[]) => steps.map(({ operation }) => inWords(operation)).join(', ')
  const so = order.length === 0 ? '' : ` (${list(order)})`
  const more = open.length > 3 ? ` and ${open.length - 3} more` : ''
  const others = open.length === 0 ? '' : `; open were ${list(open.slice(0, 3))}${more}`
  return `no order explains ${inWords(stuck.operation)}: the longest comes to ${state}${so}${others}`
}

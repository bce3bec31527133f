import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Operation } from '../../support/history.js'

/** An entry as a process applied it. Two equal chains come from equal pasts. */
export interface AppliedLine {
  readonly index: number
  readonly term: number
  readonly opId: string
  readonly chain: string
}

/** What a process said of itself. */
export type Note =
  | { readonly elected: number }
  | { readonly demoted: number; readonly reason: string }
  | { readonly agreedIndex: number; readonly lost: number }
  | { readonly logLostTo: number }
  | { readonly warning: string }
  | { readonly blockedMs: number }

/** What a note may be of. */
export type NoteKind = 'elected' | 'demoted' | 'agreedIndex' | 'logLostTo' | 'warning' | 'blockedMs'

/** All that one process did, in order, also if it was killed. */
export interface Journal {
  readonly pid: number
  readonly lines: readonly (AppliedLine | Note)[]
}

/** An entry of the log, as it stands in Redis. */
export interface LogLine {
  readonly index: number
  readonly term: number
}

/** A loss that the row is about: of what was there before `atMs`, only what is up to `survivingIndex` is owed. */
export interface Loss {
  readonly atMs: number
  readonly survivingIndex: number
  /** The processes that went down with it. */
  readonly pids: readonly number[]
}

/** What a check of journals is about. */
export interface JournalCheck {
  readonly journals: readonly Journal[]
  readonly history: readonly Operation[]
  readonly log: readonly LogLine[]
  readonly loss?: Loss | undefined
  /** Whether a process may find itself off the log's history, if it says so. */
  readonly mayDiverge: boolean
}

/** Reads the journals of all processes that ever ran; of `'notes'`, without what they applied. */
export function readJournals(folder: string, which: 'all' | 'notes' = 'all'): Journal[] {
  return readdirSync(folder).map((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1)
    const wanted = which === 'all' ? lines : lines.filter((line) => !line.includes('"chain"'))
    return { pid: Number(name), lines: wanted.map((line) => JSON.parse(line) as AppliedLine | Note) }
  })
}

/** The lines of one kind in all of the journals. */
export function notesOf<K extends NoteKind>(journals: readonly Journal[], kind: K) {
  return journals.flatMap(({ pid, lines }) =>
    lines.flatMap((line) => (kind in line ? [{ pid, ...(line as Extract<Note, Record<K, unknown>>) }] : [])),
  )
}

/**
 * Compares what all processes have applied, the killed ones too. Checked are: a term has one leader (G1); behind an entry of
 * one term none of an earlier one stands (G2); each process applies rising indexes, and at each index all have one and the
 * same past (G5); that is what the log holds; an operation took effect once (G6); what was acknowledged was applied, in the term that the answer named (G4); and nobody left the
 * log's history, unless that may be, and then said so (G7).
 *
 * @returns what is wrong, one sentence each; empty if nothing is
 */
export function checkJournals(check: JournalCheck): string[] {
  const applied = check.journals.flatMap((journal) => standing(journal, check))
  const past = new Map<number, AppliedLine>()
  const problems = [...checkTerms(check.journals), ...check.journals.flatMap((one) => checkOrder(one, check))]
  for (const line of applied) {
    const other = past.get(line.index)
    if (other && other.chain !== line.chain)
      problems.push(
        `entry ${line.index} was applied with two pasts: ${inWords(other)} and ${inWords(line)} of ${line.pid}`,
      )
    else past.set(line.index, line)
  }
  return [
    ...problems.slice(0, 10),
    ...checkFence(past),
    ...checkOperations(past),
    ...checkLog(past, check.log),
    ...checkAcknowledged(past, check),
  ]
}

/** What a process has applied and not taken back, without what went down with a loss. */
function standing({ pid, lines }: Journal, { loss, mayDiverge }: JournalCheck) {
  let kept: AppliedLine[] = []
  for (const line of lines) {
    if ('chain' in line) kept.push(line)
    else if ('agreedIndex' in line && mayDiverge) kept = kept.filter(({ index }) => index <= line.agreedIndex)
  }
  if (loss?.pids.includes(pid)) kept = kept.filter(({ index }) => index <= loss.survivingIndex)
  return kept.map((line) => ({ ...line, pid }))
}

function checkTerms(journals: readonly Journal[]): string[] {
  const leaders = new Map<number, number>()
  return notesOf(journals, 'elected').flatMap(({ pid, elected }) => {
    const other = leaders.get(elected)
    leaders.set(elected, pid)
    return other === undefined ? [] : [`term ${elected} was led by ${other} and by ${pid}`]
  })
}

function checkOrder({ pid, lines }: Journal, { mayDiverge }: JournalCheck): string[] {
  let last = 0
  return lines.flatMap((line) => {
    if ('agreedIndex' in line) {
      last = 0 // it rebuilds itself, perhaps from the beginning
      return mayDiverge ? [] : [`${pid} found itself off the log's history after ${line.agreedIndex}`]
    }
    if (!('chain' in line)) return []
    const before = last
    last = line.index
    return line.index > before ? [] : [`${pid} applied ${line.index} after ${before}`]
  })
}

function checkFence(past: ReadonlyMap<number, AppliedLine>): string[] {
  const inOrder = [...past.values()].toSorted((a, b) => a.index - b.index)
  return inOrder.flatMap((line, at) => {
    const before = inOrder[at - 1]
    if (!before || before.term <= line.term) return []
    return [`entry ${line.index} of term ${line.term} stands behind one of term ${before.term}`]
  })
}

function checkOperations(past: ReadonlyMap<number, AppliedLine>): string[] {
  const seen = new Map<string, number>()
  return [...past.values()].flatMap(({ opId, index }) => {
    const other = seen.get(opId)
    seen.set(opId, index)
    return other === undefined ? [] : [`operation ${opId} took effect at ${other} and at ${index}`]
  })
}

/** Markers and repeats stand in the log and are not applied; everything that was applied stands there. */
function checkLog(past: ReadonlyMap<number, AppliedLine>, log: readonly LogLine[]): string[] {
  const terms = new Map(log.map(({ index, term }) => [index, term]))
  const first = log[0]?.index ?? Infinity
  const gaps = log.flatMap(({ index }, at) =>
    index === first + at ? [] : [`the log has a gap before ${index}`],
  )
  const others = [...past.values()].flatMap(({ index, term }) =>
    index < first || terms.get(index) === term
      ? []
      : [`entry ${index} was applied in term ${term}, in the log it is of ${terms.get(index) ?? 'none'}`],
  )
  return [...gaps.slice(0, 1), ...others.slice(0, 5)]
}

function checkAcknowledged(
  past: ReadonlyMap<number, AppliedLine>,
  { history, loss }: JournalCheck,
): string[] {
  return history.flatMap(({ outcome, term, index = 0, endMs, value }) => {
    if (outcome !== 'ok' || term === undefined) return []
    if (loss && endMs < loss.atMs && index > loss.survivingIndex) return []
    const line = past.get(index)
    if (line?.term === term) return []
    return [
      `${String(value)} was acknowledged at ${index} of term ${term}; applied there is ${inWords(line)}`,
    ]
  })
}

function inWords(line: AppliedLine | undefined): string {
  return line ? `${line.opId} of term ${line.term}` : 'nothing'
}

import type { Applied, Applier } from '../apply/applier.js'
import { CommandError, CommandFailedError } from '../errors.js'
import { type Entry, isMarker } from '../log/entry.js'
import type { AnyChange, ChangeOutcome } from './changes.js'

/** What a change costs beside its JSON. */
const OVERHEAD_BYTES = 300

/** An entry as those who read the changes are told of it. */
export interface ToldChange {
  /** Undefined for one that was not run: of the library's own, a repeat, or too late to tell whether it is one. */
  readonly change: AnyChange | undefined
  /** About what it takes in memory. */
  readonly bytes: number
}

/** What an entry came to, right after it was applied. Copied, for commands go on changing what it points to. */
export function changeOf(entry: Entry, applied: Applied, logId: string): ToldChange {
  const ran = !isMarker(entry) && applied.index === entry.index
  const outcome = ran ? outcomeOf(entry, applied) : undefined
  if (!outcome) return { change: undefined, bytes: 0 }
  const args = copyOf(entry.args)
  const bytes = OVERHEAD_BYTES + args.bytes + outcome.bytes
  return { change: assemble({ ...entry, args: args.value }, outcome.value, logId), bytes }
}

/** The same of an entry that is read from the log, as far as its result is kept. */
export function changeFromLog(
  entry: Entry,
  applier: Pick<Applier, 'find'>,
  logId: string,
): AnyChange | undefined {
  const { index, opId, fingerprint, since } = entry
  if (isMarker(entry)) return undefined
  const kept = since === undefined ? undefined : applier.find(opId, fingerprint, since)
  if (kept && kept.index < index) return undefined // a repeat, then as now
  const outcome = kept?.index === index ? outcomeOf(entry, kept)?.value : undefined
  return assemble(entry, outcome ?? { outcome: 'unknown' }, logId)
}

function assemble(entry: Entry, outcome: ChangeOutcome<unknown>, logId: string): AnyChange {
  const { index, term, timeMs, opId, command, args } = entry
  const position = { logId, term, index }
  const place = { type: 'entry', position, index, term, time: timeMs, opId } as const
  return { ...place, command, args, ...outcome } as AnyChange
}

/** Undefined if the entry was not run. */
function outcomeOf(
  { command }: Entry,
  applied: Applied,
): { value: ChangeOutcome<unknown>; bytes: number } | undefined {
  if (applied.ok) {
    try {
      const { value, bytes } = copyOf(applied.result)
      return { value: { outcome: 'ok', result: value }, bytes }
    } catch (error) {
      return failed(new CommandFailedError(command, error)) // what it returned is not JSON
    }
  }
  const { error } = applied
  if (error instanceof CommandError)
    return { value: { outcome: 'rejected', error }, bytes: error.message.length }
  return error instanceof CommandFailedError ? failed(error) : undefined
}

function failed(error: CommandFailedError): { value: ChangeOutcome<unknown>; bytes: number } {
  return { value: { outcome: 'failed', error }, bytes: error.message.length }
}

/** A deep copy of JSON, and how long it is. */
function copyOf(value: unknown): { value: unknown; bytes: number } {
  if (typeof value === 'string') return { value, bytes: value.length }
  if (typeof value !== 'object' || value === null) return { value, bytes: 0 }
  const text = JSON.stringify(value)
  return { value: JSON.parse(text) as unknown, bytes: text.length }
}

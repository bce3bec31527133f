import { CHANGE_REASONS, type ChangeReason, type LeaderChange } from '../events.js'
import { type Entry, decodeEntry } from '../log/entry.js'
import { TermTable } from '../log/history.js'

/** Rows of `terms` as HGETALL gives them: term, 'first:nonce', term, … in any order. */
export function readTable(flat: readonly string[]): TermTable {
  return new TermTable(
    groupsOf(flat, 2).map(([term = '', row = '']) => {
      const at = row.indexOf(':')
      return { term: Number(term), first: Number(row.slice(0, at)), nonce: row.slice(at + 1) }
    }),
  )
}

/** Entries as the read script gives them, in lines: id in the stream, which is `index-0`, 'term:time', payload, id, … */
export function readEntries(text: string): Entry[] {
  if (text === '') return []
  const lines = text.split('\n')
  const entries: Entry[] = []
  for (let at = 0; at < lines.length; at += 3) {
    const [id, name, data] = lines.slice(at, at + 3) as [string, string, string]
    const colon = name.indexOf(':')
    entries.push(
      decodeEntry(Number.parseInt(id, 10), Number(name.slice(0, colon)), Number(name.slice(colon + 1)), data),
    )
  }
  return entries
}

/** A reason for a change of leader; undefined for none, or for one that this version does not know. */
export function changeReason(text: string | undefined): ChangeReason | undefined {
  return CHANGE_REASONS.find((reason) => reason === text)
}

/** Changes of leader as HGETALL gives them, newest first: slot, 'time {json}', …, and how many there were. */
export function readChanges(record: Readonly<Record<string, string>>): LeaderChange[] {
  const rows = Object.entries(record).filter(([slot]) => slot !== 'count')
  const changes = rows.map(([, row]): LeaderChange => {
    const at = row.indexOf(' ')
    const { term, leader, reason, recoverMs } = JSON.parse(row.slice(at + 1)) as LeaderChangeRow
    return { term, leader, reason: changeReason(reason), atMs: Number(row.slice(0, at)), recoverMs }
  })
  return changes.toSorted((a, b) => b.term - a.term)
}

/** A change of leader as it is stored. */
interface LeaderChangeRow {
  readonly term: number
  readonly leader: string
  readonly reason?: string
  readonly recoverMs?: number
}

function groupsOf(flat: readonly string[], size: number): string[][] {
  return Array.from({ length: flat.length / size }, (_, i) => flat.slice(i * size, (i + 1) * size))
}

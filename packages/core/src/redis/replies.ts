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

/** Entries as the read script gives them: index, term, time, payload, index, … */
export function readEntries(flat: readonly string[]): Entry[] {
  return groupsOf(flat, 4).map(([index = '', term = '', time = '', data = '']) =>
    decodeEntry(Number(index), Number(term), Number(time), data),
  )
}

function groupsOf(flat: readonly string[], size: number): string[][] {
  return Array.from({ length: flat.length / size }, (_, i) => flat.slice(i * size, (i + 1) * size))
}

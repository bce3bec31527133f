import type { Entry } from '../src/log/entry.js'

/** An entry at `index`; one of term 1 that runs `put` without an argument, but for what a test says. */
export function entryAt(index: number, given: Partial<Entry> = {}): Entry {
  return {
    index,
    term: 1,
    timeMs: 1_795_384_000_000 + index,
    opId: `op-${index}`,
    fingerprint: 'f',
    version: 1,
    command: 'put',
    args: undefined,
    ...given,
  }
}

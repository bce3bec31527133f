import { inWords, isRead, type Operation } from '../support/history.js'

/**
 * Checks that no client reads less than what was acknowledged to it: what is left of a session where Redis may lose what
 * was read before anybody had a copy of it.
 *
 * @returns what is wrong, one sentence each; empty if nothing is
 */
export function checkOwnWrites(history: readonly Operation[]): string[] {
  const written = new Map<number, Operation>()
  return history
    .filter(({ outcome, index }) => outcome === 'ok' && index !== undefined)
    .toSorted((a, b) => a.startMs - b.startMs)
    .flatMap((operation) => {
      const before = written.get(operation.client)
      if (!isRead(operation)) written.set(operation.client, operation)
      if (before === undefined || (operation.index ?? 0) >= (before.index ?? 0)) return []
      return [`${inWords(operation)} shows the log up to ${operation.index}, behind ${inWords(before)}`]
    })
}

import { TermTable } from '../src/log/history.js'
import type { LogPage } from '../src/log/log-store.js'
import type { CatchUpListener } from '../src/replicate/catch-up-listener.js'

/** A page of a log that one leader has written, of term 7, but for what a test says. */
export function pageWith(given: Partial<LogPage>): LogPage {
  return {
    ...{ logId: 'L', nonce: 'n', replId: 'r', seed: '', replIdChanged: false },
    ...{ term: 7, head: 0, headTerm: 7, first: 1, entries: [], table: new TermTable(ROWS) },
    ...{ leader: undefined, leaseValue: '', reason: undefined, leaderChanges: 1, secretVersion: '' },
    ...{ snapshot: undefined, snapshotBefore: undefined },
    ...given,
  }
}

/** The rows of its table. */
export const ROWS = [{ term: 7, nonce: 'n', first: 1 }]

/** A listener that hears only what a test is about. */
export function listenerFor(given: Partial<CatchUpListener>): CatchUpListener {
  const nothing = () => {}
  return {
    ...{ read: nothing, used: nothing, present: nothing, diverged: nothing, rebuilding: nothing },
    ...{
      logLost: nothing,
      versionTooOld: nothing,
      loading: nothing,
      taken: nothing,
      loaded: nothing,
      badSnapshot: nothing,
    },
    ...given,
  }
}

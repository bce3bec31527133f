import { Applier } from '../../src/apply/applier.js'
import { LocalState } from '../../src/apply/state-machine.js'
import { systemClock } from '../../src/clock.js'
import type { LogStore } from '../../src/log/log-store.js'
import type { SnapshotStore } from '../../src/log/snapshot.js'
import { CatchUp } from '../../src/replicate/catch-up.js'
import { listenerFor, pageWith } from '../catch-up-fixtures.js'
import { entryAt } from '../entries.js'
import { journal } from '../journal.js'

const PAGE = 2
const HEAD = 5

/** A log of five entries that gives two at a time. */
const log = {
  read: async (after: number, limit: number) =>
    pageWith({
      head: HEAD,
      entries: Array.from({ length: Math.min(PAGE, limit, HEAD - after) }, (_, i) =>
        entryAt(after + i + 1, { term: 7, command: 'all' }),
      ),
    }),
} as Pick<LogStore, 'read'> as LogStore

it('says that a page was used when the replica has what it brought, the last one included', async () => {
  const seen: [string, number, boolean][] = []
  const applier = new Applier(new LocalState(journal), () => {})
  const catchUp: CatchUp = new CatchUp({
    log,
    snapshots: {} as SnapshotStore,
    applier,
    clock: systemClock,
    listener: listenerFor({
      read: () => seen.push(['read', applier.index, catchUp.onHistory]),
      used: () => seen.push(['used', applier.index, catchUp.onHistory]),
    }),
  })

  await catchUp.toHead(new AbortController().signal)

  expect(seen).toEqual([
    ['read', 0, false],
    ['used', 2, true],
    ['read', 2, true],
    ['used', 4, true],
    ['read', 4, true],
    ['used', HEAD, true],
  ])
})

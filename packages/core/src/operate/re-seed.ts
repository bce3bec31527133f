import type { Claim, LogPage, TermConnection } from '../log/log-store.js'
import type { SnapshotStore } from '../log/snapshot.js'
import { storeSnapshot, type TakenSnapshot } from '../replicate/snapshot-maker.js'

/** What a re-seed works on. */
export interface Seed {
  readonly snapshots: SnapshotStore
  /** The replica, which is ahead of the log, as a snapshot; undefined if it is not any more. */
  take(): Promise<TakenSnapshot | undefined>
  /** The log as it is now. */
  look(): Promise<LogPage>
}

/**
 * Gives a log that has lost entries back what this instance holds (G7): of all who are left it has the most. The log keeps
 * its id, entries keep their index and term, and whoever has fewer goes on from there; entries that nobody is left to hold
 * are lost, and whoever comes back with them learns it.
 *
 * All that others must not see half of happens in one script; what is stored before expires unless that runs.
 *
 * @returns the claim on the log as it is then; undefined if nothing was changed.
 */
export async function reSeed(seed: Seed, connection: TermConnection): Promise<Claim | undefined> {
  const taken = await seed.take()
  if (!taken) return undefined
  await storeSnapshot(seed.snapshots, taken)
  return connection.reSeed(taken.head, await seed.look())
}

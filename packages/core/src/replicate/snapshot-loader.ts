import { createHash } from 'node:crypto'
import { VersionTooOld } from '../apply/applier.js'
import type { Clock } from '../clock.js'
import { compareHistory, type LogHead, TermTable } from '../log/history.js'
import type { SnapshotRef } from '../log/log-store.js'
import { RecordReader, type SnapshotHead, type SnapshotStore } from '../log/snapshot.js'
import { decompress } from './compression.js'
import { type Hold, TimeSlice } from './time-slice.js'

/** A snapshot could not be used: it is gone, torn, damaged, or not of this log. */
export class BadSnapshot extends Error {}

/** Where a snapshot is, and what it must fit. */
interface LoadParts {
  readonly store: SnapshotStore
  /** The log that it is to belong to. */
  readonly log: LogHead & { readonly table: TermTable }
  /** Version of the app that is to go on from it. */
  readonly version: number
  readonly clock: Clock
}

/** What comes of the snapshots that are tried. */
interface LoadListener {
  begins(ref: SnapshotRef): void
  bad(error: Error): void
}

/** A snapshot that was read, checked and put together. */
export interface LoadedSnapshot {
  readonly head: SnapshotHead
  readonly state: unknown
  /** The longest time that the event loop was held meanwhile. */
  readonly hold: Hold
  /** How long it took. */
  readonly ms: number
}

/** Loads the first of these that is good, as `loadSnapshot` does; undefined if none is. */
export async function loadFirstGood(
  parts: LoadParts,
  refs: readonly SnapshotRef[],
  listener: LoadListener,
): Promise<LoadedSnapshot | undefined> {
  for (const ref of refs) {
    listener.begins(ref)
    try {
      return await loadSnapshot(parts, ref.id)
    } catch (error) {
      if (!(error instanceof BadSnapshot)) throw error
      listener.bad(error)
    }
  }
  return undefined
}

/**
 * Reads a snapshot and puts its state together, checking everything before any of it is used.
 *
 * @throws BadSnapshot if it is not whole, or not of this log.
 * @throws VersionTooOld if a newer version of the app wrote some of it.
 */
export async function loadSnapshot(
  { store, log, version, clock }: LoadParts,
  id: string,
): Promise<LoadedSnapshot> {
  const startedMs = clock.now()
  const head = await store.readHead(id)
  if (!head) throw new BadSnapshot(`Snapshot ${id} is gone or incomplete`)
  if (head.version > version) throw new VersionTooOld(`The snapshot at entry ${head.index}`, head, version)
  if (compareHistory({ position: head, table: new TermTable(head.terms) }, log).kind !== 'on')
    throw new BadSnapshot(`Snapshot ${id} is not of this log`)

  const chunks: Buffer[] = []
  const hash = createHash('sha256')
  const slice = new TimeSlice(clock)
  for (let number = 0; number < head.chunks; number++) {
    const chunk = await store.readChunk(id, number)
    if (!chunk) throw new BadSnapshot(`Snapshot ${id} has lost chunk ${number}`)
    slice.begin()
    hash.update(chunk)
    slice.did('')
    chunks.push(chunk)
  }
  if (hash.digest('hex') !== head.sha256) throw new BadSnapshot(`Snapshot ${id} has a wrong checksum`)

  const reader = new RecordReader()
  for (const chunk of chunks) {
    const decompressed = await decompress(chunk)
    slice.begin()
    const records = decompressed.toString().split('\n')
    slice.did(longestOf(records))
    for (const record of records) {
      if (record === '') continue // each line ends with a line feed, the last one too
      reader.read(record)
      slice.did(record)
      if (slice.over) await slice.next()
    }
  }
  return { head, state: reader.value, hold: slice.longest, ms: clock.now() - startedMs }
}

function longestOf(records: readonly string[]): string {
  return records.reduce((longest, record) => (record.length > longest.length ? record : longest), '')
}

import { randomBytes } from 'node:crypto'
import type { Applier } from '../apply/applier.js'
import type { Clock } from '../clock.js'
import { type SnapshotHead, type SnapshotStore, writeRecords } from '../log/snapshot.js'
import { ChunkPacker } from './chunk-packer.js'
import { type Hold, TimeSlice } from './time-slice.js'

/** A snapshot in memory: compressed, and not stored yet. */
export interface TakenSnapshot {
  readonly head: SnapshotHead
  readonly chunks: readonly Buffer[]
  /** The longest time that the event loop was held meanwhile. */
  readonly hold: Hold
}

/**
 * Takes a snapshot of a replica at the index where it stands. The caller sees to it that nothing is applied meanwhile;
 * the event loop goes on between slices.
 *
 * @returns undefined if `signal` aborts before it is done, one slice later at most.
 */
export async function takeSnapshot(
  applier: Applier,
  clock: Clock,
  signal?: AbortSignal,
): Promise<TakenSnapshot | undefined> {
  const { position, table, timeMs, newestVersion } = applier
  const packer = new ChunkPacker()
  const chunks: Buffer[] = []
  let largest = ''
  const slice = new TimeSlice(clock)
  const pack = async () => {
    const packing = packer.pack()
    slice.did(largest)
    const chunk = await packing
    slice.begin()
    largest = ''
    if (chunk) chunks.push(chunk)
  }

  for (const record of writeRecords(applier.snapshot())) {
    slice.did(record)
    if (record.length > largest.length) largest = record
    if (packer.add(record)) await pack()
    else if (slice.over) await slice.next()
    if (signal?.aborted) return undefined
  }
  await pack()

  const head: SnapshotHead = {
    id: newSnapshotId(position.index),
    logId: position.logId,
    index: position.index,
    term: position.term,
    timeMs,
    terms: [...table.rows],
    version: newestVersion,
    ...packer.finish(),
  }
  return { head, chunks, hold: slice.longest }
}

/** An id that no other snapshot has. */
export function newSnapshotId(index: number): string {
  return `${index}-${randomBytes(6).toString('hex')}`
}

/** Stores it, the head last: what has no head is not complete. */
export async function storeSnapshot(store: SnapshotStore, { head, chunks }: TakenSnapshot): Promise<void> {
  for (const [number, chunk] of chunks.entries()) await store.writeChunk(head.id, number, chunk)
  await store.writeHead(head)
}

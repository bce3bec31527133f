import { createHash, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { Applier } from '../apply/applier.js'
import type { Clock } from '../clock.js'
import { type SnapshotHead, type SnapshotStore, writeRecords } from '../log/snapshot.js'
import { type Hold, TimeSlice } from './time-slice.js'

const compress = promisify(gzip)

/** Text in one chunk before it is compressed. */
const CHUNK_CHARACTERS = 512 * 1024

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
 */
export async function takeSnapshot(applier: Applier, clock: Clock): Promise<TakenSnapshot> {
  const { position, table, timeMs, newestVersion } = applier
  const hash = createHash('sha256')
  const chunks: Buffer[] = []
  let lines: string[] = []
  let size = 0
  let largest = ''
  const slice = new TimeSlice(clock)
  const close = async () => {
    const compressing = compress(lines.join('\n'), { level: constants.Z_BEST_SPEED })
    slice.did(largest)
    const chunk = await compressing
    slice.begin()
    hash.update(chunk)
    chunks.push(chunk)
    slice.did(largest)
    lines = []
    size = 0
    largest = ''
  }

  for (const record of writeRecords(applier.snapshot())) {
    slice.did(record)
    lines.push(record)
    size += record.length
    if (record.length > largest.length) largest = record
    if (size >= CHUNK_CHARACTERS) await close()
    else if (slice.over) await slice.next()
  }
  if (lines.length > 0) await close()

  const head: SnapshotHead = {
    id: `${position.index}-${randomBytes(6).toString('hex')}`,
    logId: position.logId,
    index: position.index,
    term: position.term,
    timeMs,
    terms: [...table.rows],
    version: newestVersion,
    chunks: chunks.length,
    bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    sha256: hash.digest('hex'),
  }
  return { head, chunks, hold: slice.longest }
}

/** Stores it, the head last: what has no head is not complete. */
export async function storeSnapshot(store: SnapshotStore, { head, chunks }: TakenSnapshot): Promise<void> {
  for (const [number, chunk] of chunks.entries()) await store.writeChunk(head.id, number, chunk)
  await store.writeHead(head)
}

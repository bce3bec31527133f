import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Clock } from '../clock.js'
import { RecordReader, type SnapshotHead, type SnapshotStore } from '../log/snapshot.js'
import { TimeSlice } from './time-slice.js'

const decompress = promisify(gunzip)

/** A snapshot could not be used: it is gone, torn, damaged, or not of this log. */
export class BadSnapshot extends Error {}

/**
 * Reads a snapshot and puts its state together, checking everything before any of it is used.
 *
 * @throws BadSnapshot if it is not whole.
 */
export async function loadSnapshot(
  store: SnapshotStore,
  id: string,
  clock: Clock,
): Promise<{ head: SnapshotHead; state: unknown }> {
  const head = await store.readHead(id)
  if (!head) throw new BadSnapshot(`Snapshot ${id} is gone or incomplete`)
  const chunks: Buffer[] = []
  const hash = createHash('sha256')
  for (let number = 0; number < head.chunks; number++) {
    const chunk = await store.readChunk(id, number)
    if (!chunk) throw new BadSnapshot(`Snapshot ${id} has lost chunk ${number}`)
    hash.update(chunk)
    chunks.push(chunk)
  }
  if (hash.digest('hex') !== head.sha256) throw new BadSnapshot(`Snapshot ${id} has a wrong checksum`)

  const reader = new RecordReader()
  const slice = new TimeSlice(clock)
  for (const chunk of chunks) {
    for (const record of (await decompress(chunk)).toString().split('\n')) {
      if (record === '') continue // each line ends with a line feed, the last one too
      reader.read(record)
      if (slice.over) await slice.next()
    }
  }
  return { head, state: reader.value }
}

import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Clock } from '../clock.js'
import { LeaseholdError } from '../errors.js'
import type { SnapshotHead, SnapshotStore } from '../log/snapshot.js'
import { badFile, type SnapshotFileHeader, SnapshotFileReader } from '../log/snapshot-file.js'
import { ChunkPacker } from '../replicate/chunk-packer.js'
import { newSnapshotId } from '../replicate/snapshot-maker.js'
import { TimeSlice } from '../replicate/time-slice.js'

/** Text that is unpacked at once: what the event loop is held for. */
const UNPACKED_BYTES = 128 * 1024

/** The bytes of a snapshot file, in pieces of any size. */
export type SnapshotSource = Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** The group that an import goes to. */
export interface ImportTarget {
  /** Chunks go here while the file is read; they disappear by themselves unless they are switched in. */
  readonly snapshots: SnapshotStore
  /**
   * Connects, and looks whether the import may be done.
   *
   * @throws LeaseholdError `APP_MISMATCH` or `GROUP_NOT_EMPTY`, besides those of the connection.
   */
  open(application: string): Promise<void>
  /**
   * Begins a new log at a snapshot that is stored and complete.
   *
   * @throws LeaseholdError `OUTCOME_UNKNOWN` if it may have; with any other code nothing has changed.
   */
  switchIn(head: SnapshotHead, application: string): Promise<void>
  /** Takes away what was stored of a snapshot that will not be switched in. Never rejects. */
  discard(id: string): Promise<void>
}

/**
 * Reads a snapshot file, checks all of it, and only then lets the group begin a new log with it. Takes memory for a
 * chunk or two, however large the file is.
 */
export async function importFile(
  source: SnapshotSource,
  target: ImportTarget,
  logId: string,
  clock: Clock,
): Promise<SnapshotFileHeader> {
  const reader = new SnapshotFileReader()
  const packer = new ChunkPacker()
  const slice = new TimeSlice(clock)
  let id: string | undefined
  let chunks = 0
  const store = async () => {
    const chunk = await packer.pack()
    if (chunk) await target.snapshots.writeChunk(id as string, chunks++, chunk)
    slice.begin()
  }
  try {
    for await (const bytes of unpack(source)) {
      for (const record of reader.read(bytes)) {
        if (id === undefined) {
          const { application, index } = reader.header as SnapshotFileHeader
          await target.open(application)
          id = newSnapshotId(index)
        }
        if (packer.add(record)) await store()
        else if (slice.over) await slice.next()
      }
    }
    const header = reader.end()
    await store()
    const { index, term, timeMs, terms, version, application } = header
    const head = { id: id as string, logId, index, term, timeMs, terms, version, ...packer.finish() }
    await target.snapshots.writeHead(head)
    await target.switchIn(head, application)
    return header
  } catch (error) {
    const unknown = error instanceof LeaseholdError && error.code === 'OUTCOME_UNKNOWN'
    if (id !== undefined && !unknown) await target.discard(id)
    throw error
  }
}

/** The text of a file. What is wrong with the gzip is a bad file; an error of the source stays what it is. */
async function* unpack(source: SnapshotSource): AsyncGenerator<Buffer> {
  const given = { bytes: 0 }
  const input = Readable.from(counted(source, given), { objectMode: false })
  const unpacked = input.pipe(createGunzip({ chunkSize: UNPACKED_BYTES }))
  input.on('error', (error) => unpacked.destroy(error))
  try {
    yield* unpacked
  } catch (error) {
    const { message } = error as Error
    throw input.errored ?? badFile(`it is damaged, cut off or not gzip (${message})`, error)
  } finally {
    unpacked.on('error', () => {}) // of what may still be on its way
    input.destroy()
  }
  // Zeros behind the end are nothing to zlib, nor is what stands behind them.
  if (given.bytes !== unpacked.bytesWritten) throw badFile('something stands behind its end')
}

async function* counted(source: SnapshotSource, given: { bytes: number }): AsyncGenerator<Uint8Array> {
  for await (const part of ArrayBuffer.isView(source) ? [source] : source) {
    if (!ArrayBuffer.isView(part)) {
      throw new LeaseholdError(
        'INVALID_OPTIONS',
        `The source of an import must give bytes (Buffer or Uint8Array), not a ${typeof part}.`,
      )
    }
    given.bytes += part.byteLength
    yield part
  }
}

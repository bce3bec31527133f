import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { type SnapshotFileHeader, writeHeader, writeTrailer } from '../log/snapshot-file.js'
import type { TakenSnapshot } from './snapshot-maker.js'

const compress = promisify(gzip)
const decompress = promisify(gunzip)
const LINE_FEED = 10

/**
 * A snapshot as a file: gzip whose text is lines, a header, the records and a trailer with their checksum. The chunks go
 * out as they are, for gzip files that follow each other are one; only the checksum needs their text.
 */
export async function* exportFile(
  { chunks }: TakenSnapshot,
  header: SnapshotFileHeader,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256')
  const first = `${writeHeader(header)}\n`
  hash.update(first)
  yield compress(first)
  let records = 0
  for (const chunk of chunks) {
    const text = await decompress(chunk)
    hash.update(text)
    for (let at = -1; (at = text.indexOf(LINE_FEED, at + 1)) !== -1; ) records++
    yield chunk
  }
  yield compress(`${writeTrailer(records, hash.digest('hex'))}\n`)
}

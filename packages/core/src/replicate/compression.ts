import { promisify } from 'node:util'
import { constants, gunzip, gunzipSync, gzip, gzipSync } from 'node:zlib'

/** Up to so many bytes the way to another thread and back takes longer than the work: about 0.1 ms. */
const AT_ONCE_BYTES = 16 * 1024
const SPEED = { level: constants.Z_BEST_SPEED }

const inThread = { gzip: promisify(gzip), gunzip: promisify(gunzip) }

/** As gzip, in another thread unless there is little of it. */
export async function compress(text: string): Promise<Buffer> {
  return text.length <= AT_ONCE_BYTES ? gzipSync(text, SPEED) : inThread.gzip(text, SPEED)
}

/** What `compress` made, in another thread unless there is little of it. A chunk is no more than 512 Ki characters. */
export async function decompress(chunk: Buffer): Promise<Buffer> {
  return chunk.length <= AT_ONCE_BYTES ? gunzipSync(chunk) : inThread.gunzip(chunk)
}

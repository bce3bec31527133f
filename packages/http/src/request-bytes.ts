import type { IncomingMessage } from 'node:http'
import { ClientGoneError } from './errors.js'

/**
 * Reads a request's bytes in such a way that they can be put back.
 *
 * `unshift` restores a stream only until it has emitted 'end', and Node emits 'end' as soon as a plain `read()` or a
 * 'data' listener finds it drained. A `read(n)` of exactly what is buffered does not, and `complete` says when the last
 * byte has arrived. So a request whose body was read here, in whole or in part, is as good as new after
 * `req.unshift(bytes)`: express.json(), multer or a handler that pipes it find every byte, and then the end.
 */
export class RequestBytes {
  readonly #req: IncomingMessage

  constructor(req: IncomingMessage) {
    this.#req = req
  }

  /**
   * The next bytes, or undefined when there are no more. Only one call at a time.
   *
   * @throws ClientGoneError when the client goes away before it has sent everything
   */
  async next(): Promise<Buffer | undefined> {
    // Within the 'request' event Node is still parsing, and waiting for 'readable' then could end an empty body early.
    await Promise.resolve()
    const req = this.#req
    for (;;) {
      if (req.readableLength > 0) return req.read(req.readableLength) as Buffer
      if (req.complete) return undefined
      if (req.destroyed) throw new ClientGoneError('the client went away before it had sent its body')
      await this.#change()
    }
  }

  /** Puts bytes back in front of what has not been read. */
  putBack(bytes: Buffer): void {
    if (bytes.length > 0) this.#req.unshift(bytes)
  }

  #change(): Promise<void> {
    const req = this.#req
    return new Promise((resolve) => {
      const wake = () => {
        req.off('readable', wake).off('close', wake).off('error', wake)
        resolve()
      }
      req.on('readable', wake).on('close', wake).on('error', wake)
    })
  }
}

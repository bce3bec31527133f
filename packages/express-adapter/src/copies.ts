import type { RequestIdentity } from '@leasehold/core'
import { ClientGoneError, KeyReusedError } from './errors.js'

interface Copy {
  readonly fingerprint: string
  readonly over: Promise<void>
}

/**
 * Runs copies of one request, a client's repeats under one `Idempotency-Key` or those that instances send again, one
 * after the other: the next finds the results of the one before (G6), and side effects do not run side by side.
 */
export class Copies {
  readonly #running = new Map<string, Copy>()

  /**
   * Waits until no other copy of the request runs here.
   *
   * @param gone aborts when nobody waits for the reply any more
   * @returns ends this copy's turn
   * @throws KeyReusedError at once if another request runs under the same name
   * @throws ClientGoneError
   */
  async turn({ requestId, fingerprint }: RequestIdentity, gone: AbortSignal): Promise<() => void> {
    for (let other = this.#running.get(requestId); other; other = this.#running.get(requestId)) {
      if (other.fingerprint !== fingerprint) throw new KeyReusedError()
      await Promise.race([other.over, abortOf(gone)])
      if (gone.aborted) throw new ClientGoneError('the client went away while a copy of its request ran')
    }
    let end = () => {}
    const over = new Promise<void>((resolve) => (end = resolve))
    this.#running.set(requestId, { fingerprint, over })
    return () => {
      this.#running.delete(requestId)
      end()
    }
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

import type { RequestIdentity } from '@leasehold/core'
import { ClientGoneError, KeyReusedError } from './errors.js'
import { aborted } from './gone-signal.js'

interface Running {
  readonly fingerprint: string
  readonly over: Promise<void>
}

/**
 * Runs repeats of one request, a client's own under one `Idempotency-Key` or those that instances send again, one after the
 * other: the next finds the results of the one before (G6), and side effects do not run side by side.
 */
export class Repeats {
  readonly #running = new Map<string, Running>()

  /**
   * Waits until the request does not run here already.
   *
   * @param gone aborts when nobody waits for the reply any more
   * @returns ends this one's turn
   * @throws KeyReusedError at once if another request runs under the same name
   * @throws ClientGoneError
   */
  async turn({ requestId, fingerprint }: RequestIdentity, gone: AbortSignal): Promise<() => void> {
    for (let other = this.#running.get(requestId); other; other = this.#running.get(requestId)) {
      if (other.fingerprint !== fingerprint) throw new KeyReusedError()
      await Promise.race([other.over, aborted(gone)])
      if (gone.aborted) throw new ClientGoneError('the client went away while its request ran already')
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

/** Messages that have come and nobody has asked for yet, and askers whose message has not come yet. */
export class Inbox<M> {
  readonly #unread: M[] = []
  readonly #waiters = new Set<{
    wants: (message: M) => boolean
    got: (message: M) => void
    failed: (e: Error) => void
  }>()
  #closed: Error | undefined

  /** A message has come. The first who wants it gets it. */
  put(message: M): void {
    for (const waiter of this.#waiters) {
      if (!waiter.wants(message)) continue
      waiter.got(message)
      return
    }
    this.#unread.push(message)
  }

  /**
   * Takes out the first message that is wanted, also one that came before. Others stay.
   *
   * @throws Error after `timeoutMs`, or when the inbox closes before such a message came.
   */
  async take(wants: (message: M) => boolean, timeoutMs: number): Promise<M> {
    const found = this.#unread.find(wants)
    if (found !== undefined) {
      this.#unread.splice(this.#unread.indexOf(found), 1)
      return found
    }
    if (this.#closed) throw this.#closed
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        act()
      }
      const waiter = {
        wants,
        got: (message: M) => settle(() => resolve(message)),
        failed: (error: Error) => settle(() => reject(error)),
      }
      const late = () =>
        new Error(`Waited ${timeoutMs} ms for a message; unread: ${JSON.stringify(this.#unread)}`)
      const timer = setTimeout(() => waiter.failed(late()), timeoutMs)
      this.#waiters.add(waiter)
    })
  }

  /** No message will come any more: whoever waits, now or later, gets this error. */
  close(error: Error): void {
    this.#closed = error
    for (const waiter of this.#waiters) waiter.failed(error)
  }
}

/** Waits for the next time that something happens. */
export class Waiter {
  #waiting = new Set()

  /** What happens next; undefined if nothing does for `timeoutMs`. */
  next(timeoutMs) {
    return new Promise((resolve) => {
      const settle = (what) => {
        clearTimeout(timer)
        this.#waiting.delete(settle)
        resolve(what)
      }
      const timer = setTimeout(settle, timeoutMs)
      this.#waiting.add(settle)
    })
  }

  happened(what) {
    for (const settle of this.#waiting) settle(what)
  }
}

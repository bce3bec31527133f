/** Calls `write` so many times a second, whether or not the writes before are done, and times each from the call to its end. */
export class SteadyLoad {
  #write
  #timer
  #under = new Set()
  #latenciesMs = []
  #next = 0

  constructor(write, perSecond) {
    this.#write = write
    const startedMs = performance.now()
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1000)
      while (this.#next < due) this.#one()
    }, 1)
  }

  /** Resolves with the times of all writes, in ms, once they are done. */
  async stop() {
    clearInterval(this.#timer)
    await Promise.all(this.#under)
    return this.#latenciesMs
  }

  #one() {
    const sentMs = performance.now()
    const writing = this.#write(this.#next++).then(() => {
      this.#latenciesMs.push(performance.now() - sentMs)
      this.#under.delete(writing)
    })
    this.#under.add(writing)
  }
}

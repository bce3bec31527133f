/**
 * How long the event loop stands still at the longest: the time between two turns of a timer of a millisecond. And how long
 * of that this process can have worked, by its CPU time: where there are fewer cores than processes, the rest was waiting
 * for one, for which no code of it can be blamed.
 */
export class LoopWatch {
  #timer
  #atMs = 0
  #cpu
  #stoppedMs = 0
  #workedMs = 0

  start() {
    this.#stoppedMs = this.#workedMs = 0
    this.#turn()
    this.#timer = setInterval(() => this.#look(), 1)
  }

  stop() {
    clearInterval(this.#timer)
    this.#look()
    return { stoppedMs: this.#stoppedMs, workedMs: this.#workedMs }
  }

  #turn() {
    this.#atMs = performance.now()
    this.#cpu = process.cpuUsage()
  }

  #look() {
    const stoppedMs = performance.now() - this.#atMs
    const { user, system } = process.cpuUsage(this.#cpu)
    this.#stoppedMs = Math.max(this.#stoppedMs, stoppedMs)
    this.#workedMs = Math.max(this.#workedMs, Math.min(stoppedMs, (user + system) / 1000))
    this.#turn()
  }
}

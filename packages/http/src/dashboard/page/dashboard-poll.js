/** Asking the instance again and again: one request at a time, seldom while nobody looks or nobody answers. */

/** @import { Answer, Status } from './types.js' */

const EVERY_MS = 500
const HIDDEN_EVERY_MS = 10_000
const SLOWEST_MS = 4000
/** The instance itself waits 2 s for Redis. */
const PATIENCE_MS = 3000

/** @returns {Promise<Answer>} */
async function ask() {
  const response = await fetch('status', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) })
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  /** @type {Status} */
  const status = await response.json()
  // A proxy's own page, say, is no answer of the instance.
  if (typeof status?.instance?.id !== 'string') throw new Error('the answer is not that of an instance')
  const date = Date.parse(response.headers.get('date') ?? '')
  return { status, atMs: performance.now(), serverMs: Number.isNaN(date) ? Date.now() : date }
}

/** Polls the instance until the page is closed. */
export class Poll {
  #frozen = false
  #wake = () => {}

  /**
   * @param {(answer: Answer) => void} heard
   * @param {(error: Error) => void} missed
   */
  constructor(heard, missed) {
    addEventListener('online', () => this.now())
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.now()
    })
    void this.#run(heard, missed)
  }

  /** Asks at once, if no request is under way. */
  now() {
    this.#wake()
  }

  /** Asks no more until it is told otherwise. @param {boolean} frozen */
  freeze(frozen) {
    this.#frozen = frozen
    if (!frozen) this.now()
  }

  /**
   * @param {(answer: Answer) => void} heard
   * @param {(error: Error) => void} missed
   */
  async #run(heard, missed) {
    let failures = 0
    for (;;) {
      try {
        const answer = await ask()
        failures = 0
        if (!this.#frozen) heard(answer)
      } catch (error) {
        failures++
        if (!this.#frozen) missed(error instanceof Error ? error : new Error(String(error)))
      }
      do {
        await this.#wait(
          document.hidden ? HIDDEN_EVERY_MS : Math.min(SLOWEST_MS, EVERY_MS * 2 ** Math.max(0, failures - 1)),
        )
      } while (this.#frozen)
    }
  }

  /** @param {number} ms */
  #wait(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve(undefined)
      }
    })
  }
}

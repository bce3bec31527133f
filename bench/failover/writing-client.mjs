import { Agent, request } from 'node:http'
import { Waiter } from './waiter.mjs'

const REQUEST_TIMEOUT_MS = 20_000

/** One client that keeps one PUT in flight at one instance, over one connection. */
export class WritingClient {
  #url
  #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  #acknowledged = new Waiter()
  #stopped = false
  #running
  /** The longest time between two acknowledged writes, and when the last one came. */
  #longestMs = 0
  #lastMs
  refused = 0

  constructor(url) {
    this.#url = `${url}/kv/failover`
    this.#running = this.#run()
  }

  /** Between two acknowledged writes, since the last call. */
  takeLongestPauseMs() {
    const longest = this.#longestMs
    this.#longestMs = 0
    return longest
  }

  /** The first write that is acknowledged from now on and fits; undefined after `timeoutMs`. */
  async next(fits, timeoutMs) {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      const write = await this.#acknowledged.next(deadlineMs - performance.now())
      if (!write || fits(write)) return write
    }
  }

  async stop() {
    this.#stopped = true
    await this.#running
    this.#agent.destroy()
  }

  async #run() {
    for (let value = 0; !this.#stopped; value++) {
      const { status, body } = await this.#put(value).catch(() => ({ status: 0 }))
      const atMs = performance.now()
      if (status !== 200) {
        this.refused++
        continue
      }
      if (this.#lastMs !== undefined) this.#longestMs = Math.max(this.#longestMs, atMs - this.#lastMs)
      this.#lastMs = atMs
      this.#acknowledged.happened({ atMs, term: JSON.parse(body).term })
    }
  }

  #put(value) {
    return new Promise((resolve, reject) => {
      const options = { method: 'PUT', agent: this.#agent, timeout: REQUEST_TIMEOUT_MS }
      const headers = { 'content-type': 'application/json' }
      const sent = request(this.#url, { ...options, headers }, (res) => {
        let body = ''
        res.setEncoding('utf8').on('data', (text) => (body += text))
        res.once('end', () => resolve({ status: res.statusCode, body }))
        res.once('error', reject)
      })
      sent.once('timeout', () => sent.destroy(new Error('timeout')))
      sent.once('error', reject)
      sent.end(JSON.stringify({ value }))
    })
  }
}

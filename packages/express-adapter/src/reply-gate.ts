import type { OutgoingHttpHeader, ServerResponse } from 'node:http'

/** What the gate does with a reply once everything that the handler began is settled. */
export type Verdict = 'release' | 'drop'

type Call = () => void

/**
 * Keeps a handler's reply back until what the handler has written is committed, also where it forgot to wait for it. What
 * it says then goes out as it is, or is dropped as if it had never been said.
 */
export class ReplyGate {
  readonly #res: ServerResponse
  readonly #original: Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'flushHeaders'>
  readonly #headersBefore: Record<string, OutgoingHttpHeader | undefined>
  readonly #judge: () => Promise<Verdict> | Verdict
  readonly #onDrop: () => void
  readonly #kept: Call[] = []
  #state: 'open' | 'judging' | 'released' | 'dropped' = 'open'

  /**
   * @param judge asked when the reply begins; waits for what the handler has begun
   * @param onDrop the reply is as it was before the handler: somebody else is to answer
   */
  constructor(res: ServerResponse, judge: () => Promise<Verdict> | Verdict, onDrop: () => void) {
    this.#res = res
    this.#judge = judge
    this.#onDrop = onDrop
    this.#headersBefore = { ...res.getHeaders() }
    this.#original = {
      writeHead: res.writeHead.bind(res),
      write: res.write.bind(res),
      end: res.end.bind(res),
      flushHeaders: res.flushHeaders.bind(res),
    }
    this.#intercept()
  }

  #intercept() {
    const res = this.#res as unknown as Record<string, (...args: unknown[]) => unknown>
    const original = this.#original as unknown as Record<string, (...args: unknown[]) => unknown>
    const gated =
      (name: string, answer: unknown) =>
      (...args: unknown[]): unknown => {
        if (this.#state === 'dropped') return answer
        if (this.#state === 'open') this.#begin()
        const call = () => original[name]?.(...args)
        if (this.#state === 'released') return call()
        this.#kept.push(call)
        return answer
      }
    res['writeHead'] = gated('writeHead', this.#res)
    res['flushHeaders'] = gated('flushHeaders', undefined)
    res['write'] = gated('write', true)
    res['end'] = gated('end', this.#res)
  }

  #begin() {
    this.#state = 'judging'
    const verdict = this.#judge()
    // Nothing is under way, as in every handler that awaits its writes: the reply goes out in the same turn.
    if (verdict === 'release') return this.#release()
    void Promise.resolve(verdict).then((late) => (late === 'release' ? this.#release() : this.#drop()))
  }

  #release() {
    this.#state = 'released'
    Object.assign(this.#res, this.#original)
    for (const call of this.#kept.splice(0)) call()
  }

  /** Whatever the handler still says is not heard. The next one to answer finds the reply as it was. */
  #drop() {
    this.#state = 'dropped'
    this.#kept.length = 0
    const res = this.#res
    for (const name of res.getHeaderNames()) res.removeHeader(name)
    for (const [name, value] of Object.entries(this.#headersBefore)) {
      if (value !== undefined) res.setHeader(name, value)
    }
    res.statusCode = 200
    res.statusMessage = ''
    this.#onDrop()
  }
}

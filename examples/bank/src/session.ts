import { Broken, expectTrue } from './checks.js'

/** Longer than any failover. No request is tried a second time. */
const ANSWER_WITHIN_MS = 30_000

/** What is asked of the bank, and the status that it should answer with. */
export interface Ask {
  readonly status: number
  readonly body?: unknown
  /** Names the request, so that it may be sent again. */
  readonly key?: string
}

/** An answer, and the term of the leader up to which the instance that gave it had come. */
export interface Answer<B> {
  readonly body: B
  readonly term: number
}

/** Where in the bank's log an answer was true. */
interface Position {
  readonly logId: string
  readonly term: number
  readonly index: number
}

/**
 * One customer's requests, one after the other, each to whichever instance: what a browser does behind a load balancer. It
 * keeps the cookie that it is given, and sees to it that no answer is from before the last one.
 */
export class Session {
  readonly customer: string
  readonly #cookies = new Map<string, string>()
  #position: Position | undefined
  /** How many requests it has sent. */
  asked = 0
  /** How long the slowest answer took. */
  longestMs = 0

  constructor(customer: string) {
    this.customer = customer
  }

  /**
   * Sends one request, once.
   *
   * @throws Broken if there is no answer, another status, or an answer from the past.
   */
  async ask<B>(
    url: string,
    method: string,
    path: string,
    { status, body, key }: Ask = { status: 200 },
  ): Promise<Answer<B>> {
    const what = `${method} ${path} at ${url}`
    const sentMs = performance.now()
    this.asked++
    const response = await fetch(new URL(path, url), {
      method,
      // A connection for each: behind a load balancer, too, the next request may go anywhere.
      headers: { connection: 'close', ...this.#headers(key) },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    }).catch((error: unknown) => {
      throw new Broken(`${what}: no answer`, { cause: error })
    })
    const text = await response.text()
    this.longestMs = Math.max(this.longestMs, performance.now() - sentMs)
    if (response.status !== status)
      throw new Broken(`${what}: expected ${status}, got ${response.status} ${text}`)
    this.#keepCookies(response.headers.getSetCookie())
    return { body: JSON.parse(text) as B, term: this.#goOnTo(what, response.headers).term }
  }

  #headers(key: string | undefined): Record<string, string> {
    return {
      authorization: `Bearer ${this.customer}`,
      'content-type': 'application/json',
      cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(key !== undefined && { 'idempotency-key': key }),
    }
  }

  #keepCookies(set: readonly string[]) {
    for (const cookie of set) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      this.#cookies.set(name, value)
    }
  }

  #goOnTo(what: string, headers: Headers): Position {
    const [logId = '', term, index] = headers.get('leasehold-position')?.split('.') ?? []
    const position = { logId, term: Number(term), index: Number(index) }
    const before = this.#position ?? position
    const goesOn = logId === before.logId && position.term >= before.term && position.index >= before.index
    const places = [before, position].map(({ term, index }) => `entry ${index} of term ${term}`)
    expectTrue(`${what}: went back from ${places.join(' to ')}`, goesOn)
    return (this.#position = position)
  }
}

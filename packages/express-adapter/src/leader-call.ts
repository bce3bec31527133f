import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { copyReplyHeaders, REFUSED } from './headers.js'

/** What became of a request that was sent to the leader. */
export type CallOutcome =
  /** Its answer went to the client, as far as it came; or the client is gone. */
  | { readonly kind: 'answered' }
  /** It surely did not run, and nothing went to the client. */
  | { readonly kind: 'refused'; readonly why: string }
  /** A copy left, and no answer came: it may have run or may still run. Nothing went to the client. */
  | { readonly kind: 'unknown'; readonly why: string; readonly cause: Error }

/** One request to the leader. */
export interface Call {
  /** Names the request, for the leader to refuse it by. */
  readonly requestId: string
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string | string[]>
  readonly body: Buffer | AsyncIterable<Buffer> | null
}

/**
 * Sends a request to the leader and its answer, as it comes, to the client. It is sent once, never again from here.
 *
 * @param gone aborts when the client goes away; then the leader's connection is cut too
 */
export function callLeader(
  pool: Dispatcher,
  call: Call,
  res: ServerResponse,
  gone: AbortSignal,
): Promise<CallOutcome> {
  return new Promise((resolve) => {
    const relay = new ReplyRelay(call.requestId, res, (outcome) => {
      gone.removeEventListener('abort', relay.cancel)
      resolve(outcome)
    })
    if (gone.aborted) return relay.cancel()
    gone.addEventListener('abort', relay.cancel)
    // undici's types want a Readable; any async iterable will do, and unlike a stream it is left alone until it is sent.
    const body = call.body as Dispatcher.DispatchOptions['body'] & AsyncIterable<Buffer>
    pool.dispatch({ method: call.method, path: call.path, headers: call.headers, body }, relay)
  })
}

/** Writes the leader's answer to the client, and judges how the call ended. */
class ReplyRelay implements Dispatcher.DispatchHandler {
  readonly #requestId: string
  readonly #res: ServerResponse
  readonly #settle: (outcome: CallOutcome) => void
  /** Set once undici is about to write the request's first byte: from then on it may have run. */
  #sending: Dispatcher.DispatchController | undefined
  #cancelled = false
  #refused = false

  constructor(requestId: string, res: ServerResponse, settle: (outcome: CallOutcome) => void) {
    this.#requestId = requestId
    this.#res = res
    this.#settle = settle
  }

  /** The client is gone. */
  readonly cancel = () => {
    this.#cancelled = true
    this.#sending?.abort(new Error('the client went away'))
    this.#settle({ kind: 'answered' })
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    const again = this.#sending !== undefined
    this.#sending = controller
    if (this.#cancelled) controller.abort(new Error('the client went away'))
    else if (again) controller.abort(new Error('the HTTP client was about to send the request a second time'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: object,
    message?: string,
  ) {
    if (status < 200 || this.#cancelled) return
    const raw = controller.rawHeaders as Buffer[]
    if (status === 421 && (headers as Record<string, unknown>)[REFUSED.toLowerCase()] === this.#requestId) {
      this.#refused = true
      return this.#settle({ kind: 'refused', why: 'answered that it does not lead' })
    }
    copyReplyHeaders(raw, this.#res)
    this.#res.writeHead(status, message)
    // A reply of unknown length may be a stream of events whose first is long in coming, so its headers go at once. By
    // an empty write, since flushHeaders() would send them as UTF-8.
    if (!this.#res.hasHeader('content-length')) this.#res.write(Buffer.alloc(0))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer) {
    if (this.#refused || this.#cancelled || this.#res.write(chunk)) return
    controller.pause()
    this.#res.once('drain', () => controller.resume())
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[] | undefined>,
  ) {
    if (this.#refused || this.#cancelled) return
    if (Object.keys(trailers).length > 0) this.#res.addTrailers(trailers)
    this.#res.end()
    this.#settle({ kind: 'answered' })
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error) {
    if (this.#refused || this.#cancelled) return
    const code = (cause as NodeJS.ErrnoException).code ?? cause.name
    if (!this.#sending) return this.#settle({ kind: 'refused', why: `could not be reached (${code})` })
    if (!this.#res.headersSent)
      return this.#settle({ kind: 'unknown', why: `The leader did not answer (${code})`, cause })
    this.#res.destroy() // half an answer: the client must not take it for a whole one
    this.#settle({ kind: 'answered' })
  }
}

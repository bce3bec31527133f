import type { ServerResponse } from 'node:http'
import type { Tracer } from '@leasehold/core'
import type { Dispatcher } from 'undici'
import { after } from './clock.js'
import { copyReplyHeaders, REFUSED } from './headers.js'
import { inOwnContext } from './own-context.js'
import type { LeaderConnections } from './leader-pools.js'

/** How long a deposed leader has for the answers that it still can give: those to what was committed before. */
const SUPERSEDED_GRACE_MS = 250

/** What became of a request that was sent to the leader. */
export type CallOutcome =
  /** Its answer went to the client, as far as it came; or the client is gone. */
  | { readonly kind: 'answered' }
  /** It surely did not run, and nothing went to the client. With a `cause`, no connection came about. */
  | { readonly kind: 'refused'; readonly why: string; readonly cause?: Error; readonly timedOut?: boolean }
  /** A copy left, and no answer came: it may have run or may still run. Nothing went to the client. */
  | { readonly kind: 'unknown'; readonly why: string; readonly cause?: Error }

/** One request to the leader. */
export interface Call {
  /** Names the request, for the leader to refuse it by. */
  readonly requestId: string
  /** Whether it may be sent to the next leader although it may have run at this one. */
  readonly mayResend: boolean
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string | string[]>
  readonly body: Buffer | AsyncIterable<Buffer> | null
  /** Whose headers it has for the trace: nobody else may add some. */
  readonly tracer?: Tracer | undefined
}

/** Over TLS undici closes a connection when the next request is for another server name, and takes that from Host. */
const ONE_NAME: object = { servername: 'leader' }

/**
 * Sends a request to the leader and its answer, as it comes, to the client. It is sent once, never again from here.
 *
 * @param connectWithinMs when to give the leader up if not even a connection stands; given up at once if another leads
 * @param gone aborts when the client goes away; then the leader's connection is cut too
 */
export function callLeader(
  { dispatcher, superseded }: LeaderConnections,
  call: Call,
  res: ServerResponse,
  connectWithinMs: number,
  gone: AbortSignal,
): Promise<CallOutcome> {
  return new Promise((resolve) => {
    const onGone = () => relay.cancel()
    const onSuperseded = () => {
      relay.giveUpUnsent('did not accept a connection before another instance led')
      if (call.mayResend) cancelGrace = after(SUPERSEDED_GRACE_MS, () => relay.giveUp())
    }
    let cancelGrace = () => {}
    const cancelTimer = after(connectWithinMs, () =>
      relay.giveUpUnsent(`did not accept a connection within ${Math.round(connectWithinMs)} ms`, true),
    )
    const relay = new ReplyRelay(call, res, (outcome) => {
      cancelTimer()
      cancelGrace()
      superseded.removeEventListener('abort', onSuperseded)
      gone.removeEventListener('abort', onGone)
      resolve(outcome)
    })
    superseded.addEventListener('abort', onSuperseded)
    gone.addEventListener('abort', onGone)
    if (gone.aborted) return onGone()
    const { method, path, headers, tracer } = call
    // undici's types want a Readable; any async iterable will do, and unlike a stream it is left alone until it is sent.
    const body = call.body as Dispatcher.DispatchOptions['body'] & AsyncIterable<Buffer>
    const options = { method, path, headers, body, ...ONE_NAME }
    if (!tracer) dispatcher.dispatch(options, relay)
    else tracer.runSilently(() => dispatcher.dispatch(options, inOwnContext(relay)))
  })
}

/** Writes the leader's answer to the client, and judges how the call ended. */
class ReplyRelay implements Dispatcher.DispatchHandler {
  readonly #call: Call
  readonly #res: ServerResponse
  readonly #report: (outcome: CallOutcome) => void
  /** Set once undici is about to write the request's first byte: from then on it may have run. */
  #sending: Dispatcher.DispatchController | undefined
  /** Set once the outcome is reported: whatever comes after that is not for the client. */
  #settled = false
  /** Set once the reply's 'drain' has its listener. */
  #resumes = false

  constructor(call: Call, res: ServerResponse, report: (outcome: CallOutcome) => void) {
    this.#call = call
    this.#res = res
    this.#report = report
  }

  /** The client is gone. */
  cancel() {
    this.#settle({ kind: 'answered' })
    this.#sending?.abort(new Error('the client went away'))
  }

  /** Calls the request back, if nothing of it has left yet. */
  giveUpUnsent(why: string, timedOut = false) {
    if (!this.#sending) this.#settle({ kind: 'refused', why, timedOut })
  }

  /** Another instance leads, and this one, which stands still perhaps, has not begun an answer. */
  giveUp() {
    if (this.#res.headersSent) return
    this.#settle({ kind: 'unknown', why: 'The leader did not answer before another instance led' })
    this.#sending?.abort(new Error('another instance leads by now'))
  }

  #settle(outcome: CallOutcome) {
    if (this.#settled) return
    this.#settled = true
    this.#report(outcome)
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    const again = this.#sending !== undefined
    this.#sending = controller
    if (this.#settled) controller.abort(new Error('called back'))
    else if (again) controller.abort(new Error('the HTTP client was about to send the request a second time'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: object,
    message?: string,
  ) {
    if (status < 200 || this.#settled) return
    if (this.#res.headersSent || this.#res.destroyed) return this.cancel() // somebody else has answered
    const raw = controller.rawHeaders as Buffer[]
    if (status === 421) {
      const refused = (headers as Record<string, unknown>)[REFUSED.toLowerCase()]
      const { requestId } = this.#call
      if (refused === requestId)
        return this.#settle({ kind: 'refused', why: 'answered that it does not lead' })
      if (refused === `${requestId};ran`)
        return this.#settle({ kind: 'unknown', why: 'The leader was deposed while the request ran' })
    }
    copyReplyHeaders(raw, this.#res)
    this.#res.writeHead(status, message)
    // A reply of unknown length may be a stream of events whose first is long in coming, so its headers go at once. By
    // an empty write, since flushHeaders() would send them as UTF-8.
    if (!this.#res.hasHeader('content-length') && hasBody(this.#call.method, status))
      this.#res.write(Buffer.alloc(0))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer) {
    if (this.#settled || this.#res.destroyed || this.#res.write(chunk)) return
    controller.pause()
    // One listener for good: where a middleware compresses the reply here, `once` would leave one behind each time.
    if (!this.#resumes) this.#res.on('drain', () => controller.resume())
    this.#resumes = true
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[] | undefined>,
  ) {
    if (this.#settled) return
    if (Object.keys(trailers).length > 0) this.#res.addTrailers(trailers)
    this.#res.end()
    this.#settle({ kind: 'answered' })
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error) {
    if (this.#settled) return
    const code = (cause as NodeJS.ErrnoException).code ?? cause.name
    if (!this.#sending) return this.#settle({ kind: 'refused', why: `could not be reached (${code})`, cause })
    if (!this.#res.headersSent)
      return this.#settle({ kind: 'unknown', why: `The leader did not answer (${code})`, cause })
    this.#res.destroy() // half an answer: the client must not take it for a whole one
    this.#settle({ kind: 'answered' })
  }
}

/** Whether a reply may have one: where not, a server may take even an empty write for a mistake. */
function hasBody(method: string, status: number): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304
}

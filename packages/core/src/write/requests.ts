import { AsyncLocalStorage } from 'node:async_hooks'
import { RepeatDiffersError } from '../errors.js'
import type { Warn } from '../events.js'
import type { Operation, RequestScope } from './request-scope.js'

/** Where a write stands that is no part of any request, for sure. */
const OUTSIDE = Symbol('outside of requests')

/**
 * Knows of each write whose request it is part of, by the asynchronous context in which it is made. A context can get
 * lost on the way, in a pool of connections say; then the write would take effect again when its request is sent again
 * (G6), so a write without a context while a request is served is told.
 */
export class Requests {
  readonly #contexts = new AsyncLocalStorage<RequestScope | typeof OUTSIDE>()
  readonly #warn: Warn
  /** Commands of which it was told that their context was lost. */
  readonly #told = new Set<string>()
  #served = 0

  constructor(warn: Warn) {
    this.#warn = warn
  }

  /** The request that is served in this context. */
  get current(): RequestScope | undefined {
    const context = this.#contexts.getStore()
    return context === OUTSIDE ? undefined : context
  }

  /** Runs a request's handler. */
  run<T>(scope: RequestScope, handler: () => T): T {
    this.#count(scope.over)
    return this.#contexts.run(scope, handler)
  }

  /** Runs what is no part of a request. */
  runOutside<T>(work: () => T): T {
    return this.#contexts.run(OUTSIDE, work)
  }

  /** What the next write in this context is known by, if it is part of a request. */
  nextOperation(command: string): Operation | undefined {
    const { current } = this
    if (!current) this.#noticeOutside(command)
    return current?.nextOperation(command)
  }

  /** A write has begun in this context, and ends with `answer`. */
  began(answer: Promise<unknown>): void {
    const { current } = this
    if (!current) return
    current.began(answer)
    answer.catch((error: unknown) => this.#noticeFailure(error))
  }

  #noticeOutside(command: string): void {
    if (this.#served === 0 || this.#contexts.getStore() === OUTSIDE || this.#told.has(command)) return
    this.#told.add(command)
    this.#warn(
      'CONTEXT_LOST',
      `"${command}" was written outside of any request while a request was served. If it was that request's, it takes ` +
        'effect again when the request is sent again: use req.leasehold.write there, or AsyncResource.bind. If it is no ' +
        "request's, take no notice, or give it an opId.",
    )
  }

  #noticeFailure(error: unknown): void {
    if (!(error instanceof RepeatDiffersError)) return
    this.#warn(
      'REPEAT_DIFFERS',
      `${error.message} A handler must make the same writes in the same order when it runs again; arguments may differ.`,
    )
  }

  #count(over: AbortSignal | undefined): void {
    if (!over || over.aborted) return
    this.#served++
    over.addEventListener('abort', () => this.#served--, { once: true })
  }
}

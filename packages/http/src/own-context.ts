import { AsyncResource } from 'node:async_hooks'
import type { Dispatcher } from 'undici'

/**
 * Has a handler called in the asynchronous context of this call, not in that of whichever request opened the connection: what
 * listens to the reply here would else find itself in another request's trace.
 */
export function inOwnContext(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  const context = new AsyncResource('LeaseholdForward')
  const run = (fn: () => void) => context.runInAsyncScope(fn)
  return {
    onRequestStart: (...args) => run(() => handler.onRequestStart?.(...args)),
    onResponseStart: (...args) => run(() => handler.onResponseStart?.(...args)),
    onResponseData: (...args) => run(() => handler.onResponseData?.(...args)),
    onResponseEnd: (...args) => run(() => handler.onResponseEnd?.(...args)),
    onResponseError: (...args) => run(() => handler.onResponseError?.(...args)),
  }
}

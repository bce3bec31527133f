import { AsyncResource } from 'node:async_hooks'
import type { Dispatcher } from 'undici'

/**
 * Has a handler called in the asynchronous context of this call, not in that of whichever request opened the connection: what
 * listens to the reply here would else find itself in another request's trace.
 */
export function inOwnContext(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  const context = new AsyncResource('LeaseholdForward')
  const bound =
    <A extends unknown[]>(method: ((...args: A) => void) | undefined) =>
    (...args: A) =>
      context.runInAsyncScope(() => method?.apply(handler, args))
  return {
    onRequestStart: bound(handler.onRequestStart),
    onResponseStart: bound(handler.onResponseStart),
    onResponseData: bound(handler.onResponseData),
    onResponseEnd: bound(handler.onResponseEnd),
    onResponseError: bound(handler.onResponseError),
  }
}

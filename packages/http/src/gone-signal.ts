import type { ServerResponse } from 'node:http'

/** One for all: every request ends with it, and without it Node makes an error each time, stack and all. */
const GONE = new Error('nobody waits for the reply any more')

/** Aborts when nobody waits for a reply any more: the client went away, or a middleware, a timeout say, has answered. */
export function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController()
  if (res.closed) gone.abort(GONE)
  else res.once('close', () => gone.abort(GONE))
  return gone.signal
}

/** Resolves when a signal aborts, at once if it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

import type { Response } from 'express'

/** Aborts when nobody waits for a reply any more: the client went away, or a middleware, a timeout say, has answered. */
export function goneSignal(res: Response): AbortSignal {
  const gone = new AbortController()
  if (res.closed) gone.abort()
  else res.once('close', () => gone.abort())
  return gone.signal
}

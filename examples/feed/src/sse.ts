import { once } from 'node:events'
import type { Response } from 'express'
import type { FeedEvent } from './feed.js'

/** How soon a client comes back that has lost its connection, in ms. */
const RETRY_MS = 200
/** How often to say that the connection is alive, before anything between takes it for dead. */
const SIGN_OF_LIFE_MS = 15_000

/**
 * Sends events as they come (server-sent events), no faster than the client takes them: what it has not taken yet stays where
 * it is, in the log. `events` gets a signal that aborts when the client goes.
 */
export async function sendEvents(
  res: Response,
  events: (signal: AbortSignal) => AsyncIterable<FeedEvent>,
): Promise<void> {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  res.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  res.write(`retry: ${RETRY_MS}\n\n`)
  const signOfLife = setInterval(() => res.write(': still here\n\n'), SIGN_OF_LIFE_MS)
  try {
    for await (const { event, id, data } of events(gone.signal)) {
      const hasRoom = res.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`)
      if (!hasRoom) await once(res, 'drain', { signal: gone.signal })
    }
  } catch (error) {
    // Whatever it is: the client comes back, here or elsewhere, and goes on behind what it has seen.
    if (!gone.signal.aborted) console.error(error)
  } finally {
    clearInterval(signOfLife)
    res.end()
  }
}

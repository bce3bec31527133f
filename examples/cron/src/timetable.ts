import { setTimeout as sleep } from 'node:timers/promises'
import type { LeaderContext } from '@leasehold/core'
import { type Book, OutdatedTerm } from './book.js'

const RETRY_MS = 500

/** What a timetable needs. */
export interface Timetable {
  readonly everyMs: number
  /** What is to be done for a tick. It cannot be called back, and may be done again if its outcome was lost. */
  readonly job: (tick: number) => Promise<string>
  readonly openBook: (term: number) => Promise<Book>
  readonly say: (what: string) => void
}

/**
 * Does each tick's job, one after the other, for as long as this instance leads; ticks that nobody did are made up for.
 *
 * The signal says when to begin nothing new. It cannot stop what is under way, and an instance that was paused hears it too
 * late: what refuses a late result is the term, in the book.
 */
export async function keepTimetable(timetable: Timetable, { signal, term }: LeaderContext): Promise<void> {
  while (!signal.aborted) {
    try {
      await keep(timetable, term, signal)
    } catch (error) {
      if (error instanceof OutdatedTerm) return timetable.say(`refused: ${error.message}`)
      if (signal.aborted) return
      // The book is out of reach. Whether a line entered that was under way shows when it is opened again.
      timetable.say(`failed: ${(error as Error).message}`)
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }
}

async function keep(
  { everyMs, job, openBook, say }: Timetable,
  term: number,
  signal: AbortSignal,
): Promise<void> {
  const book = await openBook(term)
  try {
    const last = await book.begin()
    const first = last === undefined ? Math.floor(Date.now() / everyMs) : last + 1
    for (let tick = first; !signal.aborted; tick++) {
      await sleep(Math.max(0, tick * everyMs - Date.now()), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      say(`began tick ${tick} in term ${term}`)
      const result = await job(tick)
      const isNew = await book.write(tick, JSON.stringify({ tick, term, result }))
      say(`${isNew ? 'did' : 'found done:'} tick ${tick} in term ${term}`)
    }
  } finally {
    book.close()
  }
}

import type { Redis } from 'ioredis'
import type { Clock } from '../clock.js'
import { optional } from './server-facts.js'

const PAGE_KEYS = 1000
/** A server with many keys that are not ours is not to be searched for ever. */
const SCAN_WITHIN_MS = 3000

/** Keys that a search has found. */
export interface Scan {
  readonly keys: readonly string[]
  /** False if the time was up before all keys of the server were seen. */
  readonly complete: boolean
}

/** Looks for keys of one type without holding the server up. Undefined where SCAN is forbidden. */
export async function scan(
  client: Redis,
  clock: Clock,
  pattern: string,
  type: string,
): Promise<Scan | undefined> {
  const untilMs = clock.now() + SCAN_WITHIN_MS
  const keys = new Set<string>()
  let cursor = '0'
  do {
    const page = await optional(client.scan(cursor, 'MATCH', pattern, 'COUNT', PAGE_KEYS, 'TYPE', type))
    if (!page) return undefined
    const [next, found] = page
    for (const key of found) keys.add(key)
    cursor = next
  } while (cursor !== '0' && clock.now() < untilMs)
  return { keys: [...keys], complete: cursor === '0' }
}

import { type RequestIdentity, WINDOW_ONLY } from '@leasehold/core'

/** When a request first arrived, as its name and its header carry it (see `RequestIdentity.since`). */
type ArrivedSince = RequestIdentity['since']

/** What `formatSince` writes, or an index alone, as instances sent it before terms went with it. For use in a larger pattern. */
export const SINCE_PATTERN = `${WINDOW_ONLY}|(?:\\d{1,15}\\.)?\\d{1,15}`

const SINCE = new RegExp(`^(?:${SINCE_PATTERN})$`)

/** `<term>.<index>`, in the order of a position, or `-1` for `WINDOW_ONLY`. */
export function formatSince(since: ArrivedSince): string {
  if (since === WINDOW_ONLY) return String(since)
  return since.term === undefined ? String(since.index) : `${since.term}.${since.index}`
}

/** Reads what `SINCE_PATTERN` describes. Whoever sends anything else says nothing of when the request arrived. */
export function parseSince(text: string): ArrivedSince {
  if (text === String(WINDOW_ONLY) || !SINCE.test(text)) return WINDOW_ONLY
  const [index, term] = text.split('.').map(Number).toReversed()
  return { term, index: index as number }
}

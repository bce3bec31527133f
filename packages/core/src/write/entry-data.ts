import { LeaseholdError } from '../errors.js'
import { encodeEntry, type EntryDraft } from '../log/entry.js'

/**
 * A write's entry as it goes into the log. One that fits only without its trace goes without: to be watched must not be why a
 * write is refused.
 *
 * @throws LeaseholdError `ENTRY_TOO_LARGE`
 */
export function entryData(draft: EntryDraft, maxEntryBytes: number): string {
  const data = encodeEntry(draft)
  const bytes = Buffer.byteLength(data)
  if (bytes <= maxEntryBytes) return data
  if (draft.trace) return entryData({ ...draft, trace: undefined }, maxEntryBytes)
  throw new LeaseholdError(
    'ENTRY_TOO_LARGE',
    `The entry has ${bytes} bytes, maxEntryBytes is ${maxEntryBytes}. Nothing was written.`,
  )
}

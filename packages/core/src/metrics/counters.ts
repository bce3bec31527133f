import type { CountName } from '../observe/meters.js'
import { commonLabels, type Family, PREFIX, type Reading } from './family.js'

/** What is counted: its name and help, and the label whose values are told apart. */
type Row = readonly [name: string, help: string, label?: string]

const ROWS: Readonly<Record<CountName, Row>> = {
  elections: [
    'elections_total',
    'Terms that this instance began to serve, by why the one before ended (none: nobody had led).',
    'reason',
  ],
  failovers: [
    'failovers_total',
    'Unplanned changes from another leader to this instance, by why that one did not lead any more.',
    'reason',
  ],
  demotions: ['demotions_total', 'Terms of this instance that ended, by why.', 'reason'],
  appends: ['appends_total', 'Batches that were sent to the log, by what became of them.', 'outcome'],
  appendedEntries: ['appended_entries_total', 'Entries that this instance appended to the log.'],
  appendedBytes: ['appended_bytes_total', 'Bytes of the entries that this instance appended to the log.'],
  replays: ['idempotent_replays_total', 'Writes that got the first result of their operation id.'],
  renewals: ['lease_renewals_total', 'Renewals of the lease, by what they came to.', 'outcome'],
  diverged: ['diverged_total', 'How often the replica was off the history of the log.'],
  divergedEntries: ['diverged_entries_total', 'Entries of the replica that were not in the log then.'],
  differed: ['differed_total', 'How often the replica computed something else than the others.'],
  logLost: ['log_lost_total', 'How often the log had lost entries that the replica has.'],
  snapshots: ['snapshots_total', 'Snapshots that this instance took, loaded, or failed to take.', 'work'],
  warnings: ['warnings_total', 'Warnings that the node raised, by their codes.', 'code'],
  forwardedRequests: [
    'forwarded_requests_total',
    'Requests that this instance sent to the leader, each try, by what came of it.',
    'outcome',
  ],
  heldRequests: [
    'held_requests_total',
    'Requests that waited for a leader on this instance, by how that ended.',
    'outcome',
  ],
  resentRequests: [
    'resent_requests_total',
    'Requests that this instance sent more than once, by what their client got.',
    'outcome',
  ],
}

/** Numbers that only grow. */
export const counterFamilies: readonly Family[] = [
  ...Object.entries(ROWS).map(([count, row]) => counter(count as CountName, row)),
  {
    name: `${PREFIX}fenced_appends_total`,
    help: 'Batches of this instance that the log refused, since another one leads.',
    type: 'counter',
    labels: [],
    read: (reading) => [{ labels: commonLabels(reading), value: reading.counts.appends['fenced'] ?? 0 }],
  },
]

function counter(count: CountName, [name, help, label]: Row): Family {
  const read = (reading: Reading) =>
    Object.entries(reading.counts[count]).map(([of, value]) => ({
      labels: { ...commonLabels(reading), ...(label !== undefined && { [label]: of }) },
      value,
    }))
  return { name: PREFIX + name, help, type: 'counter', labels: label === undefined ? [] : [label], read }
}

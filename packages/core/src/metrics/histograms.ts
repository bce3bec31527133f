import type { Distribution, DistributionName } from '../observe/meters.js'
import { commonLabels, type Family, PREFIX, type Reading, type Sample } from './family.js'

const MS = 1000

/** What is measured as a distribution: its name, its help, and what of the measure makes one of the unit in its name. */
const ROWS: Readonly<Record<DistributionName, readonly [name: string, help: string, per: number]>> = {
  append: ['append_duration_seconds', 'How long the append of a batch took, until the log had answered.', MS],
  request: [
    'request_duration_seconds',
    "T_request: from write to the log's acknowledgement, of the write in each batch that waited longest.",
    MS,
  ],
  batch: ['append_batch_entries', 'How many entries were appended at once.', 1],
  copy: ['copy_duration_seconds', 'T_copy: from there until all living instances had a batch.', MS],
  recover: [
    'recover_duration_seconds',
    'T_recover: from the last sign of the leader before until this instance served in its place.',
    MS,
  ],
  renew: ['lease_renew_duration_seconds', 'How long a renewal of the lease took.', MS],
  snapshotTaking: ['snapshot_taking_duration_seconds', 'How long it took to take and store a snapshot.', MS],
  snapshotLoading: ['snapshot_loading_duration_seconds', 'How long it took to read and load a snapshot.', MS],
}

/** How often something took how long, or was how large. */
export const histogramFamilies: readonly Family[] = Object.entries(ROWS).map(([key, [name, help, per]]) => ({
  name: PREFIX + name,
  help,
  type: 'histogram' as const,
  labels: [],
  read: (reading: Reading) => samplesOf(PREFIX + name, reading, key as DistributionName, per),
}))

/** Each bucket holds those before it, too; the last one holds all. */
function samplesOf(name: string, reading: Reading, key: DistributionName, per: number): Sample[] {
  const { bounds, counts, sum, count }: Distribution = reading.distributions[key]
  const labels = commonLabels(reading)
  let within = 0
  const buckets = bounds.map((bound, at) => {
    within += counts[at] ?? 0
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound / per }, value: within }
  })
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: sum / per },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

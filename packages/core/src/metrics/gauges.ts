import { type Family, gauge, gauges, states } from './family.js'

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000)

/** Numbers that go up and down: how an instance stands at the moment of the scrape. */
export const gaugeFamilies: readonly Family[] = [
  gauge(
    'is_leader',
    'Whether this instance leads and takes writes (0 or 1).',
    ({ status }) => status.isLeader,
  ),
  states(
    'role',
    'The role of this instance: 1 for the present one, 0 for the others.',
    'role',
    ['stopped', 'follower', 'candidate', 'leader'],
    ({ status }) => status.role,
  ),
  gauge(
    'term',
    'Term of the leader that this instance knows; its own if it leads.',
    ({ status }) => status.term,
  ),
  gauge('head_index', 'Index of the last entry in the log, as this instance knows.', ({ head }) => head),
  gauge(
    'applied_index',
    'Index of the last entry that the replica has applied.',
    ({ status }) => status.position.index,
  ),
  gauge(
    'replication_lag_entries',
    'Entries that the log is ahead of the replica.',
    ({ status }) => status.lagEntries,
  ),
  gauge(
    'replication_lag_seconds',
    'For how long the replica has not been at the head that it knew of.',
    ({ status }) => seconds(status.lagMs),
  ),
  gauge(
    'inconsistency_entries',
    'C, the mean number of entries that the living replicas are behind; on a leader.',
    ({ inconsistency }) => inconsistency,
  ),
  gauge('log_silent_seconds', 'Time since this instance last heard of the log.', ({ logSilentMs }) =>
    seconds(logSilentMs),
  ),
  gauge(
    'lease_remaining_seconds',
    'How much is left of the lease that this instance holds; 0 without one.',
    ({ leaseLeftMs }) => seconds(leaseLeftMs),
  ),
  gauges(
    'time_seconds',
    'The times of a highly available system, on a leader: request and copy are moving averages, recover is of the last change of leader.',
    'time',
    ({ times }) => ({
      request: seconds(times.requestMs),
      copy: seconds(times.copyMs),
      recover: seconds(times.recoverMs),
    }),
  ),
  gauge('members', 'Living instances of the group, as this one knows.', ({ members }) => members),
  gauge('eligible', 'Whether this instance may lead (0 or 1).', ({ status }) => status.eligible),
  gauge(
    'paused',
    'Whether the group was paused when this instance last heard (0 or 1).',
    ({ status }) => status.paused,
  ),
  gauge(
    'stale',
    'Whether the replica cannot know how old its data is (0 or 1).',
    ({ status }) => status.stale,
  ),
  gauge(
    'caught_up',
    'Whether the replica has reached the head, and has not begun to rebuild itself since (0 or 1).',
    ({ status }) => status.caughtUp,
  ),
  states(
    'halted',
    'Why the replica does not apply the log: 1 for the reason that holds.',
    'reason',
    ['DIVERGED', 'LOG_LOST', 'VERSION_TOO_OLD'],
    ({ status }) => status.halted,
  ),
  gauge('queued_writes', 'Writes that wait for the log.', ({ status }) => status.queuedWrites),
  gauge(
    'waiting_requests',
    'Requests that wait for a leader on this instance.',
    ({ waitingRequests }) => waitingRequests,
  ),
  gauge(
    'queued_jobs',
    'Jobs that wait for this instance or are worked on; left out while Redis does not say.',
    ({ queuedJobs }) => queuedJobs,
  ),
  gauge(
    'outstanding_jobs',
    'Jobs that this leader has sent and that no follower has answered yet.',
    ({ outstandingJobs }) => outstandingJobs,
  ),
  gauges(
    'snapshot_bytes',
    'Size, compressed, of the last snapshot that this instance took, and of the last that it loaded.',
    'work',
    ({ snapshotBytes }) => snapshotBytes,
  ),
  gauge('loop_idle_seconds', 'Time since the control loop of this instance last ran.', ({ status }) =>
    seconds(status.idleMs),
  ),
]

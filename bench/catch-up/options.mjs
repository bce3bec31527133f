/**
 * The scenario: no further snapshot is taken, and nothing is trimmed, however long the log becomes. By default a snapshot
 * follows after 8192 entries, and a newcomer finds hardly more than ten thousand behind it. A start may take longer than the
 * default allows, so that a machine under load is measured and not given up.
 */
export const LONG_LOG = {
  snapshotEntries: 10_000_000,
  snapshotBytes: 2 ** 31,
  trailingEntries: 10_000_000,
  trailingBytes: 2 ** 31,
  startTimeoutMs: 600_000,
}

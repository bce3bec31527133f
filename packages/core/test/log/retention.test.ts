import { firstToKeep, isSnapshotDue, type LogExtent, type RetentionOptions } from '../../src/log/retention.js'

const options: RetentionOptions = {
  snapshotEntries: 100,
  snapshotBytes: 10_000,
  trailingEntries: 50,
  trailingBytes: 5000,
}
const extent = (part: Partial<LogExtent>): LogExtent => ({
  first: 1,
  head: 1000,
  snapshotIndex: 950,
  snapshotBeforeIndex: 850,
  entryBytes: 0,
  ...part,
})

test.each<[string, Partial<LogExtent>, boolean]>([
  ['few entries since the last', {}, false],
  ['enough entries', { snapshotIndex: 900 }, true],
  ['few but large entries', { entryBytes: 300 }, true],
  ['an empty log', { head: 0, snapshotIndex: 0 }, false],
])('a snapshot is due: %s', (_name, part, due) => {
  expect(isSnapshotDue(extent(part), options)).toBe(due)
})

test.each<[string, Partial<LogExtent>, number[], number]>([
  ['nothing before there are two snapshots', { snapshotBeforeIndex: 0 }, [1000], 1],
  ['up to the snapshot before the last', {}, [1000, 1000], 851],
  ['not the trailing entries', { snapshotBeforeIndex: 990 }, [], 951],
  ['fewer trailing entries where they are large', { snapshotBeforeIndex: 990, entryBytes: 500 }, [], 991],
  ['not what a slow replica needs', {}, [700], 701],
  ['but a replica beyond the cap is not waited for', {}, [100], 851],
  ['never less than is gone already', { first: 900 }, [], 900],
])('the log is trimmed: %s', (_name, part, replicas, first) => {
  const following = replicas.map((index) => ({ index, loading: false }))
  expect(firstToKeep(extent(part), following, options)).toBe(first)
})

test.each<[string, Partial<LogExtent>, number]>([
  ['it is waited for far beyond the cap', { entryBytes: 5 }, 101],
  ['but only as long as the bytes allow', { entryBytes: 50 }, 851],
  ['and like any other while the size of entries is unknown', {}, 851],
])('while a replica loads a snapshot: %s', (_name, part, first) => {
  expect(firstToKeep(extent(part), [{ index: 100, loading: true }], options)).toBe(first)
})

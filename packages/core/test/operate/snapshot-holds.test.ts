import { SnapshotHolds } from '../../src/operate/snapshot-holds.js'

let warnings: string[]
let holds: SnapshotHolds

beforeEach(() => {
  warnings = []
  holds = new SnapshotHolds(5000, (code, message) => warnings.push(`${code}: ${message}`))
})

it('says how long, where and what to do, beyond a tenth of the lease', () => {
  holds.held('taking', { ms: 500, path: ['text'], characters: 9 })
  expect(warnings).toEqual([])
  holds.held('taking', { ms: 500.6, path: ['text'], characters: 50_000_000 })
  expect(warnings).toEqual([
    'SNAPSHOT_BLOCKS: Taking a snapshot held the event loop for 501 ms at text (a record of 50000000 characters), more than a tenth of lease.ttlMs (5000 ms): a leader that cannot renew its lease meanwhile may lose it. A large text, or an object with very many keys, cannot be taken in slices: divide it, or raise lease.ttlMs.',
  ])
})

it('says so once for each value, for taking and for loading', () => {
  for (const path of [['a'], ['a'], ['b', 3], ['b', 3]]) {
    holds.held('taking', { ms: 600, path, characters: 9 })
    holds.held('loading', { ms: 700, path, characters: 9 })
  }
  expect(warnings.map((text) => /(\w+) a snapshot .*? at (\S+)/.exec(text)?.slice(1))).toEqual([
    ['Taking', 'a'],
    ['Loading', 'a'],
    ['Taking', 'b.3'],
    ['Loading', 'b.3'],
  ])
})

/**
 * The order in which Jest runs test files: those that take longest first, so that none of them is left to run alone at the
 * end. Jest remembers durations, but not from one clone to the next; without them it goes by the size of the files, and
 * some of the longest are small.
 */
const { createRequire } = require('node:module')

// Jest's own packages are not in our node_modules, but in each other's.
const ofJest = createRequire(createRequire(require.resolve('jest')).resolve('@jest/core'))
const { default: Sequencer } = ofJest('@jest/test-sequencer')

/** The ten that take longest, the longest first. */
const LONG = [
  'test/faults/matrix.test.ts',
  'test/deploys/rolling.test.ts',
  'test/faults/unnoticed.test.ts',
  'test/retention/million.test.ts',
  'test/faults/outage.test.ts',
  'test/backup/large.test.ts',
  'test/retention/leftovers.test.ts',
  'test/access/acl.test.ts',
  'test/faults/presence.test.ts',
  'packages/core/test/rotation.test.ts',
]

const placeOf = ({ path }) => {
  const place = LONG.findIndex((file) => path.endsWith(`/${file}`))
  return place === -1 ? LONG.length : place
}

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => placeOf(a) - placeOf(b))
  }
}
module.exports.LONG = LONG

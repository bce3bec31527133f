import { TermTable } from '../../src/log/history.js'
import { type Fate, fateOf } from '../../src/write/in-flight.js'

/** Sent as entry 5 under term 3, claimed as `c` in life `r` of Redis. Term 1 owns the entries before it. */
const append = { writes: [], first: 5, term: 3, stamp: { logId: 'L', nonce: 'c', replId: 'r', seed: 's' } }

const before = { term: 1, nonce: 'a', first: 1 }
const mine = { term: 3, nonce: 'c', first: 5 }
const others = { term: 4, nonce: 'd', first: 5 }

const sameClaim = { logId: 'L', nonce: 'c', replId: 'r', seed: 's' }
const nextClaim = { logId: 'L', nonce: 'd', replId: 'r', seed: 's' }
const nextClaimInAnotherLife = { logId: 'L', nonce: 'd', replId: 's', seed: 's' }

it.each<
  [Fate, string, { logId: string; nonce: string; replId: string; seed: string; head: number; rows: object[] }]
>([
  ['open', 'its claim is the last and it is not there', { ...sameClaim, head: 4, rows: [before] }],
  ['in', 'its claim is the last and it is there', { ...sameClaim, head: 5, rows: [before, mine] }],
  ['in', 'it is there, below another claim', { ...nextClaim, head: 5, rows: [before, mine] }],
  [
    'in',
    'it is there, below entries of another term',
    { ...nextClaim, head: 9, rows: [before, mine, { ...others, first: 8 }] },
  ],
  [
    'in',
    'it is there, in another life of Redis',
    { ...nextClaimInAnotherLife, head: 5, rows: [before, mine] },
  ],
  ['out', 'another claimed and it is not there', { ...nextClaim, head: 4, rows: [before] }],
  ['out', 'another term owns its index', { ...nextClaim, head: 5, rows: [before, others] }],
  [
    'out',
    'its index is owned by its term number under another nonce',
    { ...nextClaim, head: 5, rows: [before, { ...mine, nonce: 'd' }] },
  ],
  [
    'out',
    'its term owns entries, but the log ends before it',
    { ...nextClaim, head: 4, rows: [before, { ...mine, first: 4 }] },
  ],
  [
    'unknown',
    'Redis is in another life, which may have lost it',
    { ...nextClaimInAnotherLife, head: 4, rows: [before] },
  ],
  [
    'unknown',
    'Redis is in another life, even under the same claim',
    { ...sameClaim, replId: 's', head: 4, rows: [before] },
  ],
  [
    'unknown',
    'the log was put back since, by one that perhaps did not have it',
    { ...nextClaim, seed: 't', head: 4, rows: [before] },
  ],
  ['in', 'it was put back with the log', { ...nextClaim, seed: 't', head: 5, rows: [before, mine] }],
  ['unknown', 'it is another log', { ...nextClaim, logId: 'M', head: 5, rows: [mine] }],
  ['unknown', 'it is another log, under the same claim', { ...sameClaim, logId: 'M', head: 4, rows: [] }],
  ['unknown', 'there is no log any more', { logId: '', nonce: '', replId: 'r', seed: '', head: 0, rows: [] }],
])('%s: %s', (fate, _, { rows, ...present }) => {
  expect(fateOf(append, { ...present, table: new TermTable(rows as never) })).toBe(fate)
})

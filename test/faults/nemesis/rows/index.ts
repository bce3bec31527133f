import type { Row } from '../row.js'
import { crashRows } from './crashes.js'
import { deployRows } from './deploys.js'
import { failoverRows } from './failovers.js'
import { jobRows } from './jobs.js'
import { leaseRows } from './lease.js'
import { linkRows } from './links.js'
import { mixedRows } from './mixed.js'
import { networkRows } from './network.js'
import { processRows } from './processes.js'
import { copyRows } from './redis-copy.js'
import { redisRows } from './redis.js'
import { clockRows } from './redis-clock.js'
import { diskRows } from './redis-disk.js'
import { slowRows } from './slow.js'

/** All rows that can be run, in the order of docs/fault-matrix.md. */
export const rows: readonly Row[] = [
  ...processRows,
  ...networkRows,
  ...linkRows,
  ...slowRows,
  ...redisRows,
  ...copyRows,
  ...failoverRows,
  ...diskRows,
  ...clockRows,
  ...jobRows,
  ...crashRows,
  ...leaseRows,
  ...mixedRows,
  ...deployRows,
].toSorted((a, b) => numberOf(a) - numberOf(b))

/** Those that `npm test` runs: no other test is about them, or not with seeds. */
export const shortRows: readonly Row[] = rows.filter(({ id }) =>
  [
    'R0',
    'R4',
    'R4n',
    'R5',
    'R7',
    'R8',
    'R8c',
    'R8s',
    'R10',
    'R11',
    'R11d',
    'R13',
    'R15',
    'R16',
    'R17',
    'R18',
  ].includes(id),
)

function numberOf({ id }: Row): number {
  return Number(/\d+/.exec(id)?.[0])
}

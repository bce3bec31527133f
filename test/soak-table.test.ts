/** The table of `npm run test:soak`. It is made by an ES module, which Jest here cannot load: a Node process is asked. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const MODULE = pathToFileURL(join(__dirname, '../scripts/lib/soak-table.mjs')).href
const PROGRAM = `
  import { readFileSync } from 'node:fs'
  import { soakTable } from ${JSON.stringify(MODULE)}
  process.stdout.write(soakTable(JSON.parse(readFileSync(0, 'utf8'))))
`

const run = {
  row: 'R5',
  seed: 7,
  problems: [],
  invalid: [],
  requests: 10,
  errors: { '503 BUSY': 1 },
  lost: 0,
  ms: 1400,
}

it('has a line for each row, and one for each run that is not fine', () => {
  const runs = [
    run,
    { ...run, seed: 8, problems: ['k0 holds 1 twice', 'and more'] },
    { ...run, seed: 9, invalid: ['appends fenced'] },
    { row: 'R7', seed: 7, leftOut: ['gcc'] },
    { row: 'R8', seed: 7, error: 'Waited 20000 ms for a leader' },
  ]
  const args = ['--input-type=module', '--eval', PROGRAM]
  const table = execFileSync(process.execPath, args, { input: JSON.stringify(runs), encoding: 'utf8' })
  expect(table.split('\n')).toEqual([
    'row  runs  bit  failed  invalid  left out  requests  errors  lost  seconds',
    ' R5     3    2       1        1         0        30       3     0        4',
    ' R7     0    0       0        0         1         0       0     0        0',
    ' R8     1    0       1        0         0         0       0     0        0',
    'R5 --seed 8: k0 holds 1 twice',
    'R5 --seed 9: did not bite: appends fenced',
    'R8 --seed 7: Waited 20000 ms for a leader',
  ])
})

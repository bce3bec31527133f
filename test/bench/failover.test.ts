import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const BENCH = join(__dirname, '../../bench/failover.mjs')

/** A part of what the benchmark writes. */
interface Report {
  readonly summaries: readonly { readonly group: string; readonly measure: string; readonly n: number }[]
  readonly notes: readonly { readonly invalid: readonly string[] }[]
}

it('measures one kill in each group, and each counts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-bench-'))
  try {
    const file = join(folder, 'report.json')
    const numbers = ['--kills', '1', '--stops', '0', '--switchovers', '0', '--hangs', '0']
    await promisify(execFile)(process.execPath, [BENCH, ...numbers, '--json', file])
    const { summaries, notes } = JSON.parse(readFileSync(file, 'utf8')) as Report
    expect(summaries.map(({ group, measure, n }) => `${group} ${measure} ${n}`)).toEqual([
      'Leasehold electedMs 1',
      'Leasehold writtenMs 1',
      'Leasehold pausedMs 1',
      'redlock electedMs 1',
      'safe-redis-leader electedMs 1',
    ])
    expect(notes.flatMap(({ invalid }) => invalid)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

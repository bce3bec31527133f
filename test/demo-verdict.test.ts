/** What the demo's verdict must see. It is an ES module, which Jest here cannot load: each case asks a Node process. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const MODULE = pathToFileURL(join(__dirname, '../scripts/lib/demo-verdict.mjs')).href
const PROGRAM = `
  import { readFileSync } from 'node:fs'
  import { judge } from ${JSON.stringify(MODULE)}
  process.stdout.write(JSON.stringify(judge(JSON.parse(readFileSync(0, 'utf8')))))
`

interface Operation {
  kind: 'append' | 'put' | 'get'
  key: string
  value?: string
  outcome: 'acknowledged' | 'refused' | 'unknown'
  index?: number
  position?: number
  seenIndex?: number
}

interface Replica {
  name: string
  index: number
  lists: Record<string, string[]>
  values: Record<string, string | null>
}

interface Verdict {
  acknowledged: number
  lost: number
  duplicated: number
  misplaced: number
  alien: number
  unequal: number
  stale: number
  unknown: { written: number; absent: number; untold: number }
  findings: { kind: string; write: string; text: string }[]
  isSound: boolean
}

function judge(operations: Operation[], replicas: Replica[]): Verdict {
  const input = JSON.stringify({ operations, replicas })
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { input })
  return JSON.parse(output.toString()) as Verdict
}

const append = (value: string, index: number, position: number): Operation => {
  return { kind: 'append', key: 'l', value, outcome: 'acknowledged', index, position }
}
const put = (value: string, index: number): Operation => {
  return { kind: 'put', key: 'v', value, outcome: 'acknowledged', index }
}
const told = (outcome: Operation['outcome'], kind: 'append' | 'put', value: string): Operation => {
  return { kind, key: kind === 'append' ? 'l' : 'v', value, outcome }
}

/** Three instances that hold the same, unless the second is made to hold something else. */
function replicas(items: string[], value: string | null, second: Partial<Replica> = {}): Replica[] {
  return ['kv-1', 'kv-2', 'kv-3'].map((name) => ({
    name,
    index: 9,
    lists: { l: items },
    values: { v: value },
    ...(name === 'kv-2' && second),
  }))
}

const written = [append('a', 1, 1), append('b', 2, 2), append('c', 3, 3), put('x', 4), put('y', 5)]
const good = ['a', 'b', 'c']

/** The kinds of findings, each once, with the writes they are about. */
function found({ findings }: Verdict): Record<string, string[]> {
  const kinds = new Map<string, Set<string>>()
  for (const { kind, write } of findings) kinds.set(kind, (kinds.get(kind) ?? new Set()).add(write))
  return Object.fromEntries([...kinds].map(([kind, writes]) => [kind, [...writes]]))
}

describe('the demo’s verdict', () => {
  it('finds nothing in a run where all is as it was acknowledged', () => {
    const read: Operation = { kind: 'get', key: 'v', outcome: 'acknowledged', index: 5, seenIndex: 5 }
    const verdict = judge([...written, read], replicas(good, 'y'))
    expect(verdict).toMatchObject({ acknowledged: 5, lost: 0, duplicated: 0, findings: [], isSound: true })
  })

  it.each<[string, Replica[], Record<string, string[]>]>([
    ['an item lost everywhere', replicas(['a', 'b'], 'y'), { lost: ['c'] }],
    [
      'an item lost on one instance',
      replicas(good, 'y', { lists: { l: ['a', 'b'] } }),
      { lost: ['c'], unequal: ['kv-2'] },
    ],
    ['a whole list lost', replicas([], 'y'), { lost: ['a', 'b', 'c'] }],
    ['an item twice', replicas([...good, 'b'], 'y'), { duplicated: ['b'] }],
    [
      'an item in two lists of one instance',
      replicas(good, 'y', { lists: { l: good, m: ['b'] } }),
      { duplicated: ['b'], unequal: ['kv-2'] },
    ],
    [
      'items in another order on one instance',
      replicas(good, 'y', { lists: { l: ['a', 'c', 'b'] } }),
      { misplaced: ['c', 'b'], unequal: ['kv-2'] },
    ],
    ['items in another order everywhere', replicas(['b', 'a', 'c'], 'y'), { misplaced: ['b', 'a'] }],
    ['an item that nobody sent', replicas([...good, 'z'], 'y'), { alien: ['z'] }],
    ['a last put that is lost', replicas(good, 'x'), { lost: ['y'] }],
    ['a key that is gone', replicas(good, null), { lost: ['y'] }],
    ['a value that nobody put', replicas(good, 'z'), { alien: ['z'] }],
    ['an instance that stands elsewhere', replicas(good, 'y', { index: 8 }), { unequal: ['kv-2'] }],
    ['one instance only', replicas(good, 'y').slice(0, 1), { unequal: ['kv-1'] }],
  ])('sees %s', (_what, ended, expected) => {
    const verdict = judge(written, ended)
    const wanted = Object.entries(expected).filter(([, writes]) => writes.length > 0)
    expect(found(verdict)).toEqual(Object.fromEntries(wanted))
    expect(verdict.isSound).toBe(false)
    for (const [kind, writes] of wanted) expect(verdict).toMatchObject({ [kind]: writes.length })
  })

  it('sees writes that were refused and are there all the same', () => {
    const operations = [...written, told('refused', 'append', 'd'), told('refused', 'put', 'z')]
    expect(found(judge(operations, replicas([...good, 'd'], 'z')))).toEqual({ alien: ['d', 'z'] })
    expect(judge(operations, replicas(good, 'y')).isSound).toBe(true)
  })

  it('sees two acknowledgements for one place in the log', () => {
    expect(found(judge([...written, put('w', 4)], replicas(good, 'y')))).toEqual({ lost: ['x'] })
  })

  it('sees an acknowledgement without an index', () => {
    const { index: _index, ...without } = put('w', 0)
    expect(found(judge([...written, without], replicas(good, 'y')))).toEqual({ misplaced: ['w'] })
  })

  it('counts reads that are older than their client’s own write', () => {
    const read: Operation = { kind: 'get', key: 'v', outcome: 'acknowledged', index: 3, seenIndex: 5 }
    expect(judge([...written, read], replicas(good, 'y'))).toMatchObject({ stale: 1, isSound: true })
  })

  it('takes a write of unknown outcome as it is found, but not twice', () => {
    const unknown = [
      told('unknown', 'append', 'd'),
      told('unknown', 'append', 'e'),
      told('unknown', 'put', 'z'),
    ]
    const operations = [...written, ...unknown]
    expect(judge(operations, replicas([...good, 'd'], 'z'))).toMatchObject({
      isSound: true,
      unknown: { written: 2, absent: 1, untold: 0 },
    })
    expect(judge(operations, replicas(good, 'y'))).toMatchObject({
      isSound: true,
      unknown: { written: 0, absent: 2, untold: 1 },
    })
    expect(found(judge(operations, replicas([...good, 'd', 'd'], 'y')))).toEqual({ duplicated: ['d'] })
  })
})

import { Applier } from '../../src/apply/applier.js'
import type { Applied } from '../../src/apply/applier.js'
import { INITIAL_BOUNDS, ResultsWindow } from '../../src/apply/operations.js'
import type { Outcome, StateMachine } from '../../src/apply/state-machine.js'
import { CommandError, CommandFailedError } from '../../src/errors.js'
import { type Entry, markerEntry, type Since, WINDOW_ONLY } from '../../src/log/entry.js'
import { entryAt } from '../entries.js'
import { seededRandom } from '../../src/testing/seeded-random.js'

/** Counts what it runs; an argument that is a function decides the outcome. */
class Counter implements StateMachine {
  readonly name = 'counter'
  readonly version = 1
  ran: number[] = []

  knows(): boolean {
    return true
  }

  apply({ index, args }: Entry): Outcome {
    this.ran.push(index)
    return typeof args === 'function' ? (args as () => Outcome)() : { ok: true, result: `ran at ${index}` }
  }

  snapshot(): unknown {
    return this.ran
  }

  restore(state: unknown): void {
    this.ran = state as number[]
  }

  reset(): void {
    this.ran = []
  }
}

const START = { term: 0, index: 0 }

let machine: Counter
let answers: Applied[]
let applier: Applier
let index: number

beforeEach(() => {
  machine = new Counter()
  answers = []
  applier = new Applier(machine, (_entry, applied) => answers.push(applied))
  applier.adopt('log')
  index = 0
})

/** Appends an entry of the operation, and gives back what its caller is told. */
function run(opId: string, given: Partial<Entry> = {}): Applied {
  index++
  applier.apply(entryAt(index, { opId, since: WINDOW_ONLY, ...given }), `n${given.term ?? 1}`)
  return answers.at(-1) as Applied
}

function bound(bounds: Partial<typeof INITIAL_BOUNDS>): void {
  run('', { ...markerEntry('b', { ...INITIAL_BOUNDS, ...bounds }) })
}

it('runs an operation once, and gives a repeat the first result and place', () => {
  const first = run('a')
  run('b')
  expect(run('a')).toEqual(first)
  expect(first).toEqual({ ok: true, result: 'ran at 1', index: 1, term: 1 })
  expect(machine.ran).toEqual([1, 2])
  expect(applier.index).toBe(3)
})

it('runs an operation that nobody repeats each time, and keeps nothing of it', () => {
  run('a', { since: undefined })
  expect(run('a', { since: undefined })).toMatchObject({ index: 2 })
  expect(machine.ran).toEqual([1, 2])
  expect(applier.find('a', 'f', WINDOW_ONLY)).toBeUndefined()
})

it.each<[string, () => Outcome, object]>([
  ['nothing', () => ({ ok: true, result: undefined }), { ok: true, result: undefined }],
  [
    'a rejection',
    () => ({ ok: false, error: new CommandError('no', { reason: 'R' }) }),
    { ok: false, error: expect.objectContaining({ code: 'COMMAND_REJECTED', message: 'no', reason: 'R' }) },
  ],
  [
    'a bug',
    () => ({ ok: false, error: new CommandFailedError('put', new Error('boom')) }),
    {
      ok: false,
      error: expect.objectContaining({ code: 'COMMAND_FAILED', message: expect.stringContaining('boom') }),
    },
  ],
  [
    'what is no JSON',
    () => ({ ok: true, result: 1n }),
    { ok: false, error: expect.objectContaining({ code: 'COMMAND_FAILED' }) },
  ],
])('a repeat gets %s, too', (_name, outcome, expected) => {
  run('a', { args: outcome })
  expect(run('a', { args: outcome })).toMatchObject(expected)
  expect(machine.ran).toEqual([1])
})

it('does not let a result be changed by who got it', () => {
  run('a', { args: () => ({ ok: true, result: { deep: [1] } }) })
  const again = run('a') as { result: { deep: number[] } }
  again.result.deep.push(2)
  expect(run('a')).toMatchObject({ result: { deep: [1] } })
})

describe('another operation under the same id', () => {
  it('is the mistake of a client that chose the id', () => {
    run('a')
    expect(run('a', { fingerprint: 'g' })).toMatchObject({ ok: false, error: { code: 'KEY_REUSED' } })
    expect(machine.ran).toEqual([1])
  })

  it('is not answered with the first result if the id was ours', () => {
    run('a', { since: START })
    expect(run('a', { since: START, fingerprint: 'g' })).toMatchObject({ error: { code: 'OUTCOME_UNKNOWN' } })
    expect(machine.ran).toEqual([1])
  })
})

describe('a repeat that comes too late', () => {
  it('is not run if a result since its first arrival was dropped: it may be the one', () => {
    bound({ results: 2 })
    for (const op of ['a', 'b', 'c', 'd']) run(op, { since: { term: 1, index: 1 } })
    const before = [...machine.ran]
    expect(run('a', { since: { term: 1, index: 1 } })).toMatchObject({
      ok: false,
      error: { code: 'OUTCOME_UNKNOWN' },
    })
    expect(machine.ran).toEqual(before)
  })

  it('is run if only older results were dropped: it cannot be one of them', () => {
    bound({ results: 2 })
    for (const op of ['a', 'b', 'c', 'd']) run(op)
    expect(run('new', { since: { term: 1, index: 5 } })).toMatchObject({ ok: true, result: 'ran at 6' })
  })

  it('is run again under an id of the client: it holds for the window only', () => {
    bound({ results: 2 })
    for (const op of ['a', 'b', 'c', 'd']) run(op)
    expect(run('a')).toMatchObject({ ok: true, result: 'ran at 6' })
  })
})

describe('a repeat of what arrived before the log went back for good', () => {
  const [inTerm1, inTerm2] = [{ term: 1 }, { term: 2 }]

  /** Two entries are left of term 1. In term 2 the operation runs, at 4, and results up to that are dropped, if at all. */
  const runLater = (since: Entry['since'], others: readonly string[]) => {
    bound({ results: 2 })
    run('x', inTerm1)
    run('y', inTerm2)
    const first = run('a', { since, ...inTerm2 })
    for (const op of others) run(op, inTerm2)
    return first
  }

  it.each<[string, Since]>([
    ['the end of a term that has no entry here', { term: 7, index: 50 }],
    ['such a one where another entry stands now', { term: 7, index: 5 }],
    ['more of a term than is left', { term: 1, index: 50 }],
  ])('is not run if its result may have been dropped: it had seen %s', (_what, since) => {
    expect(runLater(since, ['b', 'c', 'd', 'e'])).toMatchObject({ ok: true, index: 4 })
    const before = [...machine.ran]
    expect(run('a', { since, ...inTerm2 })).toMatchObject({ ok: false, error: { code: 'OUTCOME_UNKNOWN' } })
    expect(machine.ran).toEqual(before)
  })

  it('is run for the first time if only results of what is left of its term were dropped', () => {
    bound({ results: 1 })
    for (const op of ['x', 'y', 'z']) run(op)
    const lost = { index: 50, ...inTerm1 }
    expect(run('of term 1', { since: lost, ...inTerm2 })).toMatchObject({ ok: true, index: 5 })
    expect(run('of term 7', { since: { ...lost, term: 7 }, ...inTerm2 })).toMatchObject({ ok: false })
  })

  it('runs, and gets its first result, as long as none was dropped: it would be here', () => {
    for (const op of ['b', 'c', 'd']) run(op)
    const since = { term: 7, index: 50 }
    const first = run('a', { since })
    expect(first).toMatchObject({ ok: true, result: 'ran at 4' })
    expect(run('a', { since })).toEqual(first)
  })

  it('goes by the index alone in an entry from before the term was kept', () => {
    const since = { term: undefined, index: 50 }
    runLater(since, ['b', 'c', 'd', 'e'])
    expect(run('a', { since, ...inTerm2 })).toMatchObject({ ok: true, index: 9 })
  })

  it('is told from one that arrived in an earlier term of this log, also after a snapshot', () => {
    bound({ results: 2 })
    for (const op of ['a', 'b', 'c', 'd']) run(op) // the result at 2 is dropped, and the one at 3 with the next
    const replica = new Applier(new Counter(), (_entry, applied) => answers.push(applied))
    replica.load({ ...applier.position, timeMs: 0, terms: applier.table.rows } as never, applier.snapshot())
    for (const each of [applier, replica]) {
      const next = (at: number, since: Since) =>
        each.apply(entryAt(at, { opId: `new ${at}`, since, ...inTerm2 }), 'n2')
      next(6, { term: 1, index: 3 })
      next(7, { term: 1, index: 2 })
      next(8, { term: 2, index: 6 })
      next(9, { term: 1, index: 50 })
    }
    const told = ['ran at 6', undefined, 'ran at 8', 'ran at 9'].map((result) =>
      expect.objectContaining(result === undefined ? { ok: false } : { ok: true, result }),
    )
    expect(answers.slice(5)).toEqual([...told, ...told])
  })
})

describe('bounds', () => {
  it('by count, by bytes and by age of log time', () => {
    const kept = (bounds: object, ops: [string, Partial<Entry>][]) => {
      const window = new ResultsWindow()
      window.setBounds({ ...INITIAL_BOUNDS, ...bounds })
      ops.forEach(([opId, given], i) => {
        const entry = entryAt(i + 1, { opId, ...given })
        window.evict(entry.timeMs)
        window.keep(entry, { ok: true, result: given.args })
      })
      return ['a', 'b', 'c'].filter((opId) => window.find(opId))
    }
    expect(
      kept({ results: 1 }, [
        ['a', {}],
        ['b', {}],
        ['c', {}],
      ]),
    ).toEqual(['b', 'c']) // and one under way
    expect(
      kept({ bytes: 1000 }, [
        ['a', { args: 'x'.repeat(900) }],
        ['b', {}],
        ['c', {}],
      ]),
    ).toEqual(['b', 'c'])
    expect(
      kept({ ageMs: 100 }, [
        ['a', { timeMs: 0 }],
        ['b', { timeMs: 50 }],
        ['c', { timeMs: 101 }],
      ]),
    ).toEqual(['b', 'c'])
  })

  it('are what the log says, and come with a snapshot', () => {
    bound({ results: 7 })
    run('a')
    const other = new Applier(new Counter(), () => {})
    other.load({ ...applier.position, timeMs: 0, terms: applier.table.rows } as never, applier.snapshot())
    expect(other.bounds).toEqual({ ...INITIAL_BOUNDS, results: 7 })
    expect(other.find('a', 'f', WINDOW_ONLY)).toMatchObject({ ok: true, result: 'ran at 2', index: 2 })
  })
})

it('two replicas, one of them from a snapshot at any point, answer and do the same (seeded)', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed)
    const pick = (n: number) => Math.floor(random() * n)
    const entries: Entry[] = []
    for (let at = 1; at <= 200; at++) {
      const roll = pick(20)
      const sinces = [undefined, WINDOW_ONLY, { term: pick(3), index: pick(at + 2) }] as const
      const given: Partial<Entry> =
        roll === 0
          ? markerEntry('m', { results: pick(8), bytes: 200 + pick(2000), ageMs: pick(40) })
          : {
              opId: `op-${pick(30)}`,
              fingerprint: `f${pick(10) === 0 ? 1 : 0}`,
              since: sinces[pick(3)],
            }
      entries.push(entryAt(at, { ...given, timeMs: at * 5 }))
    }
    const cut = pick(200)
    const told: unknown[][] = [[], []]
    const machines = [new Counter(), new Counter()]
    const [whole, loaded] = machines.map((each, i) => {
      const replica = new Applier(
        each,
        (entry, applied) => entry.index > cut && told[i]?.push([entry.index, applied]),
      )
      replica.adopt('log')
      return replica
    }) as [Applier, Applier]
    for (const entry of entries) {
      whole.apply(entry, 'n')
      if (entry.index === cut) {
        const image = JSON.parse(JSON.stringify(whole.snapshot())) as unknown
        loaded.load({ ...whole.position, timeMs: whole.timeMs, terms: whole.table.rows } as never, image)
      }
    }
    for (const entry of entries) loaded.apply(entry, 'n') // skips what the snapshot holds
    expect(told[1]).toEqual(told[0])
    expect(machines[1]?.ran).toEqual(machines[0]?.ran)
    expect(loaded.snapshot()).toEqual(whole.snapshot())
  }
})

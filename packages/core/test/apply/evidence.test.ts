import { Applier } from '../../src/apply/applier.js'
import {
  differ,
  Evidence,
  EVIDENCE_FORMAT,
  RANGE_ENTRIES,
  type RangeDigest,
  readEvidence,
} from '../../src/apply/evidence.js'
import { defineStateMachine, LocalState } from '../../src/apply/state-machine.js'
import { CommandError } from '../../src/errors.js'
import { type Entry, markerEntry } from '../../src/log/entry.js'
import { entryAt } from '../entries.js'

const [SMALL, LARGE] = RANGE_ENTRIES

/** Set by a test where a replica is to differ from the others. */
let chance: () => unknown
let message: string

const app = defineStateMachine({
  name: 'app',
  version: 1,
  initial: () => ({
    accounts: {} as Record<string, Record<string, unknown>>,
    total: 0,
    lines: [] as unknown[],
  }),
  commands: {
    put(state, { to, value }: { to: string; value: number }) {
      state.accounts[to] = { value }
      return state.total++
    },
    returnChance: () => chance() as number,
    storeChance(state, { to }: { to: string }) {
      state.accounts[to] = { value: 1, nested: { at: chance() as number } }
    },
    pushChance(state) {
      state.lines.push(chance())
    },
    reject(): void {
      throw new CommandError(message, { reason: 'NO' })
    },
    rejectFor(): void {
      throw new CommandError('no', { reason: message })
    },
    fail(): void {
      throw new TypeError(message)
    },
  },
})

interface Replica {
  readonly applier: Applier
  readonly evidence: Evidence
  /** Applies entries from the next index on. */
  readonly run: (command: string, count: number, argsAt?: (index: number) => unknown) => void
}

function replica(): Replica {
  const machine = new LocalState(app)
  const evidence = new Evidence(machine)
  const applier = new Applier(machine, () => {}, { evidence })
  applier.adopt('log')
  const run = (command: string, count: number, argsAt: (index: number) => unknown = () => undefined) => {
    for (let index = applier.index + 1, last = index + count; index < last; index++) {
      const given: Partial<Entry> =
        command === '' ? markerEntry(`m${index}`) : { command, args: argsAt(index) }
      applier.apply(entryAt(index, given), 'n')
    }
  }
  return { applier, evidence, run }
}

const account = (index: number) => ({ to: `a${index % 5}`, value: index })

function range({ evidence }: Replica, entries: number, to: number): RangeDigest {
  const found = evidence.find(entries, to)
  if (!found) throw new Error(`No evidence of the ${entries} entries up to ${to}`)
  return found
}

beforeEach(() => {
  chance = () => 0
  message = 'one'
})

it('is the same on replicas that computed the same', () => {
  const [a, b] = [replica(), replica()]
  for (const each of [a, b]) {
    each.run('put', 100, account)
    each.run('', 3)
    each.run('reject', 25)
  }
  expect(a.evidence.record()).toEqual(b.evidence.record())
  expect(range(a, SMALL, 2 * SMALL)).toEqual(range(b, SMALL, 2 * SMALL))
})

it('differs in the range in which a result differs, and in the larger one', () => {
  const [a, b] = [replica(), replica()]
  for (const each of [a, b]) {
    each.run('put', SMALL + 9, account)
    chance = () => (each === a ? 1 : 2)
    each.run('returnChance', 1)
    each.run('put', LARGE - each.applier.index, account)
  }
  const different = Array.from({ length: LARGE / SMALL }, (_, at) => (at + 1) * SMALL).filter((to) =>
    differ(range(a, SMALL, to), range(b, SMALL, to)),
  )
  expect(different).toEqual([2 * SMALL]) // nothing of that result stayed in the state
  expect(readEvidence(a.evidence.record()).some(({ entries }) => entries === LARGE)).toBe(true)
  expect(differ(range(a, LARGE, LARGE), range(b, LARGE, LARGE))).toBe(true)
})

it.each([
  ['below a name that the entry has', 'storeChance', account],
  ['at the end of a list', 'pushChance', undefined],
] as const)('shows what no result shows: a state that differs %s', (_, command, argsAt) => {
  const [a, b] = [replica(), replica()]
  for (const each of [a, b]) {
    chance = () => (each === a ? 1 : 2)
    each.run(command, SMALL, argsAt)
  }
  const [left, right] = [range(a, SMALL, SMALL), range(b, SMALL, SMALL)]
  expect(left.outcomes).toBe(right.outcomes)
  expect(left.sight.shape).toBe(right.sight.shape)
  expect(differ(left, right)).toBe(true)
})

it('does not compare what was looked at with what could not be', () => {
  const [a, b] = [replica(), replica()]
  for (const each of [a, b]) {
    chance = () => (each === a ? Array.from({ length: 500 }, () => 1) : 2)
    each.run('storeChance', SMALL, account)
  }
  const [left, right] = [range(a, SMALL, SMALL), range(b, SMALL, SMALL)]
  expect(left.sight.shape).not.toBe(right.sight.shape)
  expect(differ(left, right)).toBe(false)
})

it.each(['reject', 'fail'])('an error counts by its code, not by its message: %s', (command) => {
  const [a, b] = [replica(), replica()]
  a.run(command, SMALL)
  message = 'another one'
  b.run(command, SMALL)
  expect(differ(range(a, SMALL, SMALL), range(b, SMALL, SMALL))).toBe(false)
})

it.each([
  ['an error and a result', 'fail', 'returnChance'],
  ['errors of different kinds', 'fail', 'reject'],
  ['different reasons', 'rejectFor', 'reject'],
] as const)('tells apart %s', (_, left, right) => {
  const [a, b] = [replica(), replica()]
  a.run(left, SMALL)
  b.run(right, SMALL)
  expect(differ(range(a, SMALL, SMALL), range(b, SMALL, SMALL))).toBe(true)
})

it('a repeat counts by its first result, whichever replica still has it as an object', () => {
  const [a, b] = [replica(), replica()]
  const operation = { opId: 'once', since: { term: 0, index: 0 }, command: 'put', args: account(1) }
  for (const { applier } of [a, b])
    for (let index = 1; index <= SMALL; index++) applier.apply(entryAt(index, operation), 'n')
  expect(a.applier.find('once', 'f', operation.since)).toMatchObject({ index: 1, ok: true })
  expect(a.evidence.record()).toEqual(b.evidence.record())
})

describe('after a snapshot was loaded', () => {
  /** A replica that came from a snapshot of another one, as of its index. */
  function newcomer({ applier }: Replica): Replica {
    const loaded = replica()
    const image: unknown = JSON.parse(JSON.stringify(applier.snapshot()))
    const { position, timeMs, table } = applier
    const head = { ...position, timeMs, terms: [...table.rows], version: 1 }
    loaded.applier.load({ id: 's', chunks: 0, bytes: 0, sha256: '', ...head }, image)
    return loaded
  }

  it('begins with the next whole range, and then is the same', () => {
    const old = replica()
    old.run('put', SMALL + 10, account)
    const young = newcomer(old)
    for (const each of [old, young]) each.run('put', 2 * SMALL, account)
    expect(young.evidence.since).toBe(SMALL + 11)
    expect(young.evidence.find(SMALL, SMALL)).toBeUndefined()
    expect(young.evidence.find(SMALL, 2 * SMALL)).toBeUndefined()
    expect(range(young, SMALL, 3 * SMALL)).toEqual(range(old, SMALL, 3 * SMALL))
  })

  it('begins at once where the snapshot ends with a range', () => {
    const old = replica()
    old.run('put', LARGE, account)
    const young = newcomer(old)
    for (const each of [old, young]) each.run('put', LARGE, account)
    expect(range(young, SMALL, LARGE + SMALL)).toEqual(range(old, SMALL, LARGE + SMALL))
    expect(range(young, LARGE, 2 * LARGE)).toEqual(range(old, LARGE, 2 * LARGE))
  })

  it('forgets what the replica computed before it started over', () => {
    const { applier, evidence, run } = replica()
    run('put', 2 * SMALL, account)
    applier.reset()
    expect(evidence.find(SMALL, SMALL)).toBeUndefined()
    expect(evidence.record()).toEqual({ format: EVIDENCE_FORMAT, since: 1, ranges: [[], []] })
  })
})

it('keeps and publishes a bounded number of ranges, the last ones', () => {
  const { evidence, run } = replica()
  run('put', 600 * SMALL, account)
  const { ranges } = evidence.record()
  expect(ranges.map((each) => each.length)).toEqual([8, 8])
  expect(ranges[0]?.at(-1)?.[0]).toBe(600 * SMALL)
  expect(evidence.find(SMALL, SMALL)).toBeUndefined()
  expect(evidence.find(SMALL, 600 * SMALL)).toBeDefined()
  expect(JSON.stringify(evidence.record()).length).toBeLessThan(1200)
})

it('knows ranges of another history, and understands no other format', () => {
  const a = replica()
  a.run('put', SMALL, account)
  const b = replica()
  for (let index = 1; index <= SMALL; index++)
    b.applier.apply(entryAt(index, { command: 'put', args: account(index) }), 'another nonce')
  expect(range(a, SMALL, SMALL).history).not.toBe(range(b, SMALL, SMALL).history)
  expect(readEvidence({ ...a.evidence.record(), format: EVIDENCE_FORMAT + 1 })).toEqual([])
})

it('a result or a state that throws when it is looked at stops nothing', () => {
  const { applier, evidence, run } = replica()
  chance = () => ({
    get bad(): never {
      throw new Error('do not look')
    },
  })
  run('returnChance', SMALL)
  run('pushChance', SMALL)
  expect(applier.index).toBe(2 * SMALL)
  expect(evidence.find(SMALL, 2 * SMALL)).toBeDefined()
})

import type { Operation } from '../../support/history.js'
import { type AppliedLine, checkJournals, type Journal, type JournalCheck, type Note } from './journal.js'

/** An entry, with a past that follows from its place unless another one is given. */
function entry(index: number, term = 1, chain = `past-${index}`): AppliedLine {
  return { index, term, opId: `op-${index}`, chain }
}

const upTo = (last: number, term = 1) => Array.from({ length: last }, (_, n) => entry(n + 1, term))

function journal(pid: number, ...lines: (AppliedLine | Note)[]): Journal {
  return { pid, lines }
}

function acknowledged(index: number, term = 1, endMs = 20): Operation {
  const who = { client: 1, kind: 'push', key: 'k0', value: `item-${index}`, url: 'http://a' } as const
  return { ...who, startMs: 10, endMs, outcome: 'ok', status: 200, reason: undefined, index, term }
}

function check(given: Partial<JournalCheck> & Pick<JournalCheck, 'journals'>): string[] {
  return checkJournals({ history: [], log: [], mayDiverge: false, ...given })
}

it('finds nothing where all went well', () => {
  const problems = check({
    journals: [
      journal(1, { elected: 1 }, ...upTo(4), { demoted: 1, reason: 'stopped' }),
      journal(2, ...upTo(3), { elected: 2 }, entry(4), entry(6, 2)),
      journal(3, entry(4), entry(6, 2)), // from a snapshot, and past a marker
    ],
    log: [
      { index: 3, term: 1 },
      { index: 4, term: 1 },
      { index: 5, term: 2 },
      { index: 6, term: 2 },
    ],
    history: [acknowledged(1), acknowledged(6, 2)],
  })
  expect(problems).toEqual([])
})

describe('finds', () => {
  it.each<[string, Partial<JournalCheck> & Pick<JournalCheck, 'journals'>, RegExp]>([
    [
      'two leaders of one term',
      { journals: [journal(1, { elected: 7 }), journal(2, { elected: 7 })] },
      /term 7 was led by 1 and by 2/,
    ],
    [
      'an entry that one process skipped, by what comes behind it',
      { journals: [journal(1, ...upTo(3)), journal(2, entry(1), entry(3, 1, 'without 2'))] },
      /entry 3 was applied with two pasts/,
    ],
    [
      'an entry that only a process applied which was killed',
      {
        journals: [journal(1, ...upTo(3)), journal(2, entry(1), entry(2))],
        log: [
          { index: 1, term: 1 },
          { index: 2, term: 1 },
        ],
      },
      /entry 3 was applied in term 1, in the log it is of none/,
    ],
    [
      'an entry that the log has in another term',
      { journals: [journal(1, entry(1))], log: [{ index: 1, term: 2 }] },
      /entry 1 was applied in term 1, in the log it is of 2/,
    ],
    [
      'a gap in the log',
      {
        journals: [],
        log: [
          { index: 1, term: 1 },
          { index: 3, term: 1 },
        ],
      },
      /the log has a gap before 3/,
    ],
    ['an entry applied twice', { journals: [journal(1, entry(1), entry(1))] }, /1 applied 1 after 1/],
    ['an entry applied late', { journals: [journal(1, entry(2), entry(1))] }, /1 applied 1 after 2/],
    [
      'an entry of an earlier term behind one of a later',
      { journals: [journal(1, entry(1, 2), entry(2, 1))] },
      /entry 2 of term 1 stands behind one of term 2/,
    ],
    [
      'an operation that took effect twice',
      { journals: [journal(1, entry(1), { ...entry(2), opId: 'op-1' })] },
      /operation op-1 took effect at 1 and at 2/,
    ],
    [
      'an acknowledged write that nobody applied',
      { journals: [journal(1, entry(1))], history: [acknowledged(2)] },
      /item-2 was acknowledged at 2 of term 1; applied there is nothing/,
    ],
    [
      'an acknowledged write in whose place another one stands',
      { journals: [journal(1, entry(1, 2))], history: [acknowledged(1, 1)] },
      /item-1 was acknowledged at 1 of term 1; applied there is op-1 of term 2/,
    ],
    [
      'a process that left the history where none may',
      { journals: [journal(1, entry(1), { agreedIndex: 0, lost: 1 }, entry(1))] },
      /1 found itself off the log's history after 0/,
    ],
  ])('%s', (_, given, problem) => {
    expect(check(given).join('\n')).toMatch(problem)
  })
})

describe('where some may leave the history', () => {
  const other = entry(2, 1, 'another past')

  it('one that says so has taken back what is behind', () => {
    const journals = [
      journal(1, entry(1), other, { agreedIndex: 1, lost: 1 }, entry(2)),
      journal(2, ...upTo(2)),
    ]
    expect(check({ journals, mayDiverge: true })).toEqual([])
  })

  it('one that does not is found', () => {
    const journals = [journal(1, entry(1), other), journal(2, ...upTo(2))]
    expect(check({ journals, mayDiverge: true }).join()).toMatch(/two pasts/)
  })
})

describe('a loss', () => {
  const loss = { atMs: 100, survivingIndex: 1, pids: [1] }
  const journals = [journal(1, ...upTo(3)), journal(2, entry(1), entry(2, 2, 'after it'))]

  it('takes what stood behind it, and only with those that went down', () => {
    expect(check({ journals, loss, history: [acknowledged(3, 1, 50)] })).toEqual([])
    expect(check({ journals, loss: { ...loss, pids: [] } }).join()).toMatch(/two pasts/)
  })

  it.each([
    ['before it', acknowledged(1, 3, 50)],
    ['after it', acknowledged(3, 1, 150)],
  ])('takes nothing that was acknowledged %s', (_, write) => {
    expect(check({ journals, loss, history: [write] })).toHaveLength(1)
  })
})

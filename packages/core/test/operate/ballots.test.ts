import {
  EVIDENCE_FORMAT,
  type EvidenceRecord,
  RANGE_ENTRIES,
  type RangeDigest,
} from '../../src/apply/evidence.js'
import { Ballots, type Voter } from '../../src/operate/ballots.js'

const [SMALL, LARGE] = RANGE_ENTRIES
const HISTORY = 1
/** Rounds after which a difference does not wait any longer. */
const PATIENCE = 4

interface EvidenceOptions {
  since?: number
  entries?: number
  history?: number
}

/** What somebody computed in each range of `entries` up to an index: 'a' for one result, 'b' for another … */
function evidenceOf(
  results: string,
  { since = 1, entries = SMALL, history = HISTORY }: EvidenceOptions = {},
): EvidenceRecord {
  const ranges = Array.from(results, (result, at) => {
    return [(at + 1) * entries, history, result.charCodeAt(0), 0, 0] as const
  })
  const whole = ranges.filter(([to]) => to - entries + 1 >= since)
  return { format: EVIDENCE_FORMAT, since, ranges: entries === SMALL ? [whole, []] : [[], whole] }
}

function voter(id: string, results: string, given: EvidenceOptions = {}): Voter {
  return { id, evidence: evidenceOf(results, given) }
}

/** The leader, who computed this. */
function leader(results: string, entries: number = SMALL): Ballots {
  return new Ballots('leader', (size, to): RangeDigest | undefined => {
    const result = results[to / size - 1]
    if (size !== entries || result === undefined) return undefined
    return { to, history: HISTORY, outcomes: result.charCodeAt(0), sight: { state: 0, shape: 0 } }
  })
}

it('finds nothing where all agree, and knows how far', () => {
  const ballots = leader('aaa')
  expect(ballots.round([voter('x', 'aaa'), voter('y', 'aa')])).toEqual([])
  expect(ballots.agreedIndex).toBe(3 * SMALL)
})

it('names the one that is alone, with the first range in which it is', () => {
  expect(leader('aaa').round([voter('x', 'aba'), voter('y', 'aaa')])).toEqual([
    { from: SMALL + 1, to: 2 * SMALL, ids: ['x'], byMajority: true },
  ])
})

it('believes the leader where there are only two', () => {
  expect(leader('a').round([voter('x', 'b')])).toEqual([
    { from: 1, to: SMALL, ids: ['x'], byMajority: false },
  ])
})

it('believes the leader where no majority agrees', () => {
  const [found] = leader('a').round([voter('x', 'b'), voter('y', 'c')])
  expect(found).toMatchObject({ ids: ['x', 'y'], byMajority: false })
  const [tied] = leader('a').round([voter('x', 'a'), voter('y', 'b'), voter('z', 'b')])
  expect(tied).toMatchObject({ ids: ['y', 'z'], byMajority: false })
})

it('names the leader where a majority agrees on something else', () => {
  const [found] = leader('a').round([voter('x', 'b'), voter('y', 'b')])
  expect(found).toMatchObject({ ids: ['leader'], byMajority: true })
})

it('names whoever else is off that majority, too', () => {
  const [found] = leader('a').round([voter('x', 'b'), voter('y', 'b'), voter('z', 'b'), voter('w', 'c')])
  expect(found).toMatchObject({ ids: ['leader', 'w'], byMajority: true })
})

it('waits for those who are not that far yet: they may turn it', () => {
  const ballots = leader('a')
  expect(ballots.round([voter('x', 'b'), voter('y', '')])).toEqual([])
  expect(ballots.round([voter('x', 'b'), voter('y', 'b')])).toMatchObject([{ ids: ['leader'] }])
})

it('does not wait for ever', () => {
  const ballots = leader('a')
  const rounds = Array.from({ length: PATIENCE }, () => ballots.round([voter('x', 'b'), voter('y', '')]))
  expect(rounds.map((found) => found.length)).toEqual([0, 0, 0, 1])
  expect(rounds.at(-1)).toMatchObject([{ ids: ['x'], byMajority: false }])
})

it('does not wait for one that loaded a snapshot behind that range', () => {
  expect(leader('a').round([voter('x', 'b'), voter('y', '', { since: 10 })])).toMatchObject([{ ids: ['x'] }])
})

it('remembers what somebody said before, when it comes to others that are later', () => {
  const ballots = leader('a')
  expect(ballots.round([voter('x', 'a'), voter('y', '')])).toEqual([])
  // By now the ranges that x publishes begin behind that one.
  const later = {
    id: 'x',
    evidence: { ...evidenceOf('aaaaaaaaaa'), ranges: [[[640, HISTORY, 97, 0, 0]], []] },
  }
  expect(ballots.round([later as unknown as Voter, voter('y', 'b')])).toMatchObject([
    { ids: ['y'], byMajority: true },
  ])
})

it('never compares across histories: those differ for another reason', () => {
  const ballots = leader('aa')
  expect(ballots.round([voter('x', 'bb', { history: 2 })])).toEqual([])
  expect(ballots.agreedIndex).toBe(0)
  expect(ballots.contradicts(evidenceOf('bb', { history: 2 }))).toBe(false)
})

it('never compares what it does not know itself', () => {
  expect(leader('').round([voter('x', 'a'), voter('y', 'b')])).toEqual([])
})

it('compares once it knows itself what the others said before', () => {
  const own: string[] = []
  const ballots = new Ballots('leader', (_, to) =>
    own.length * SMALL < to
      ? undefined
      : { to, history: HISTORY, outcomes: 'a'.charCodeAt(0), sight: { state: 0, shape: 0 } },
  )
  expect(ballots.round([voter('x', 'b')])).toEqual([])
  own.push('a')
  expect(ballots.round([voter('x', 'b')])).toHaveLength(1)
})

it('finds in large ranges what small ones have passed by', () => {
  expect(leader('ab', LARGE).round([voter('x', 'aa', { entries: LARGE })])).toEqual([
    { from: LARGE + 1, to: 2 * LARGE, ids: ['x'], byMajority: false },
  ])
})

it('names nobody twice in a round, nor later for what it has forgotten', () => {
  const ballots = leader('aaa')
  expect(ballots.round([voter('x', 'bbb')])).toHaveLength(1)
  ballots.forget('x')
  expect(ballots.round([voter('x', '', { since: 3 * SMALL + 1 })])).toEqual([])
})

it('knows what contradicts its own', () => {
  expect(leader('aa').contradicts(evidenceOf('aa'))).toBe(false)
  expect(leader('aa').contradicts(evidenceOf('ab'))).toBe(true)
  expect(leader('a').contradicts(evidenceOf('ab'))).toBe(false)
})

it('remembers a bounded number of ranges', () => {
  const ballots = leader('a'.repeat(2000))
  for (let at = 0; at < 2000; at += 8) {
    const ranges = Array.from({ length: 8 }, (_, n) => [(at + n + 1) * SMALL, HISTORY, 97, 0, 0] as const)
    ballots.round([{ id: 'x', evidence: { format: EVIDENCE_FORMAT, since: 1, ranges: [ranges, []] } }])
  }
  const late = (to: number): Voter => ({
    id: 'y',
    evidence: { format: EVIDENCE_FORMAT, since: 1, ranges: [[[to, HISTORY, 98, 0, 0]], []] },
  })
  // x is not remembered for the first range any more, so it is one word against another.
  expect(ballots.round([voter('x', ''), late(SMALL)])).toEqual([])
  expect(ballots.round([voter('x', ''), late(2000 * SMALL)])).toMatchObject([{ byMajority: true }])
})

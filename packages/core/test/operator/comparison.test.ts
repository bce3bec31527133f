import { EVIDENCE_FORMAT } from '../../src/apply/evidence.js'
import { compareReplicas } from '../../src/operator/comparison.js'
import { memberView } from '../member-view.js'

type Row = readonly [to: number, history: number, outcomes: number, state: number, shape: number]

/** A member that has published these ranges of 64 and of 4096 entries. */
function member(id: string, small: readonly Row[], large: readonly Row[] = [], given: object = {}) {
  const evidence = { format: EVIDENCE_FORMAT, since: 1, ranges: [small, large] }
  return { view: memberView(id, { audit: { evidence }, ...given }), fresh: true }
}

const SAME: Row = [64, 1, 10, 20, 30]
const OTHER: Row = [64, 1, 11, 20, 30]

it('is the same where all ranges that two have spoken of are', () => {
  const { differences, replicas } = compareReplicas(130, [
    member('a', [SAME, [128, 1, 1, 1, 1]]),
    member('b', [SAME]),
  ])
  expect(differences).toEqual([])
  expect(replicas).toMatchObject([
    { id: 'a', comparedEntries: 64, comparedTo: 64, incomparable: undefined },
    { id: 'b', comparedEntries: 64, comparedTo: 64, incomparable: undefined },
  ])
})

it('says who agree, the most first, and whether that is more than half', () => {
  const three = compareReplicas(64, [member('a', [OTHER]), member('b', [SAME]), member('c', [SAME])])
  expect(three.differences).toEqual([
    { from: 1, to: 64, kind: 'result', sides: [['b', 'c'], ['a']], byMajority: true },
  ])
  const two = compareReplicas(64, [member('a', [OTHER]), member('b', [SAME])])
  expect(two.differences).toMatchObject([{ sides: [['a'], ['b']], byMajority: false }])
})

it('a state that was looked at elsewhere is no difference', () => {
  const elsewhere: Row = [64, 1, 10, 99, 31]
  expect(compareReplicas(64, [member('a', [SAME]), member('b', [elsewhere])]).differences).toEqual([])
})

it('of other logs only that is said', () => {
  const { differences } = compareReplicas(64, [member('a', [SAME]), member('b', [[64, 2, 11, 20, 30]])])
  expect(differences).toMatchObject([{ kind: 'history' }])
})

it('a large range is not told where a small one in it says the same', () => {
  const large = (outcomes: number): Row => [4096, 1, outcomes, 1, 1]
  const both = (small: Row, outcomes: number) => [[small], [large(outcomes)]] as const
  const { differences, replicas } = compareReplicas(4096, [
    member('a', ...both([4096, 1, 5, 1, 1], 1)),
    member('b', ...both([4096, 1, 6, 1, 1], 2)),
  ])
  expect(differences).toMatchObject([{ from: 4033, to: 4096 }])
  expect(replicas[0]?.comparedEntries).toBe(4096) // not 4160: they lie in each other
})

it('says why nothing of a replica could be compared, and does not compare it', () => {
  const { replicas, differences } = compareReplicas(64, [
    member('a', [SAME]),
    member('b', [SAME]),
    member('newer', [OTHER], [], { version: 2 }),
    member('halted', [OTHER], [], { halted: 'DIVERGED' }),
    { view: memberView('silent'), fresh: false },
    { view: memberView('elects', { version: 0 }), fresh: true },
    member('late', []),
  ])
  expect(differences).toEqual([])
  const why = Object.fromEntries(replicas.map(({ id, incomparable }) => [id, incomparable]))
  expect(why).toEqual({
    a: undefined,
    b: undefined,
    newer: 'its app has version 2, the others 1',
    halted: 'its replica does not follow the log (DIVERGED)',
    silent: 'it publishes nothing: its option audit is false',
    elects: 'it has no replica: it only elects',
    late: 'no whole range of entries that another one has spoken of, too',
  })
})

it('tells whom the leader has named', () => {
  const named = [{ id: 'b', from: 1, to: 64 }]
  const leader = member('a', [SAME])
  const view = { ...leader.view, role: 'leader' as const, audit: { ...leader.view.audit, named } as never }
  expect(compareReplicas(64, [{ view, fresh: true }]).named).toEqual(named)
})

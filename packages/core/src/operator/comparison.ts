import { differ, type RangeDigest, readEvidence } from '../apply/evidence.js'
import type { MemberView } from '../elect/members.js'

/** What could be said of one replica. */
export interface ComparedReplica {
  readonly id: string
  readonly name: string
  readonly appliedIndex: number
  /** Whether it has said anew what it computed, after it was asked. */
  readonly fresh: boolean
  /** Entries in ranges that at least one other replica has spoken of, too; they need not be in one piece. */
  readonly comparedEntries: number
  /** The last index up to which that is so; 0 for none. */
  readonly comparedTo: number
  /** Why nothing of it could be compared; undefined if something was. */
  readonly incomparable: string | undefined
}

/** A range of entries in which replicas do not hold the same. */
export interface ReplicaDifference {
  readonly from: number
  readonly to: number
  /** `result`: one log, and a command computed something else. `history`: the entries are those of different logs or reigns. */
  readonly kind: 'result' | 'history'
  /** Ids, those together that agree; the most first. */
  readonly sides: readonly (readonly string[])[]
  /** True if more than half of those who spoke of it agree: the first side is right then. */
  readonly byMajority: boolean
}

/** What the comparison of a group's replicas came to. */
export interface ReplicaComparison {
  /** Where the log ended when it was begun. */
  readonly head: number
  readonly replicas: readonly ComparedReplica[]
  /** First differences first. */
  readonly differences: readonly ReplicaDifference[]
  /** Replicas that the leader itself has found to differ, and that have not started over since. */
  readonly named: readonly { readonly id: string; readonly from: number; readonly to: number }[]
}

/** What one replica said of one range. */
interface Vote {
  readonly id: string
  readonly range: RangeDigest
}

interface Range {
  readonly from: number
  readonly to: number
  readonly votes: Vote[]
}

/**
 * Compares what replicas have published of what they computed, range by range. Only the last ranges are published, and only
 * whole ones: what stands before and behind them is not compared.
 */
export function compareReplicas(
  head: number,
  members: readonly { readonly view: MemberView; readonly fresh: boolean }[],
): ReplicaComparison {
  const versions = new Map(members.map(({ view }) => [view.id, view.version]))
  const newest = mostCommon([...versions.values()])
  const compared = members.filter(({ view }) => whyNot(view, newest) === undefined)
  const ranges = rangesOf(compared.map(({ view }) => view))
  const shared = ranges.filter(({ votes }) => votes.length > 1)
  return {
    head,
    replicas: members.map(({ view, fresh }) => {
      const own = shared.filter(({ votes }) => votes.some(({ id }) => id === view.id))
      const comparedEntries = sizeOf(own)
      const nothing = 'no whole range of entries that another one has spoken of, too'
      return {
        id: view.id,
        name: view.name,
        appliedIndex: view.applied.index,
        fresh,
        comparedEntries,
        comparedTo: Math.max(0, ...own.map(({ to }) => to)),
        incomparable: whyNot(view, newest) ?? (comparedEntries === 0 ? nothing : undefined),
      }
    }),
    differences: smallest(shared.flatMap(differencesIn)),
    named: members.flatMap(({ view }) => (view.role === 'leader' ? (view.audit?.named ?? []) : [])),
  }
}

function whyNot({ audit, version, halted }: MemberView, common: number): string | undefined {
  if (version === 0) return 'it has no replica: it only elects'
  if (!audit) return 'it publishes nothing: its option audit is false'
  if (halted !== undefined) return `its replica does not follow the log (${halted})`
  // Another version may compute something else, and rightly so.
  return version === common ? undefined : `its app has version ${version}, the others ${common}`
}

/** All ranges that anybody has spoken of, in order. */
function rangesOf(views: readonly MemberView[]): Range[] {
  const ranges = new Map<string, Range>()
  for (const { id, audit } of views) {
    for (const { entries, range } of audit ? readEvidence(audit.evidence) : []) {
      const key = `${entries}:${range.to}`
      const found = ranges.get(key) ?? { from: range.to - entries + 1, to: range.to, votes: [] }
      found.votes.push({ id, range })
      ranges.set(key, found)
    }
  }
  return [...ranges.values()].toSorted((a, b) => a.from - b.from || a.to - b.to)
}

function differencesIn({ from, to, votes }: Range): ReplicaDifference[] {
  const histories = sidesOf(votes, (a, b) => a.history !== b.history)
  const difference = (kind: ReplicaDifference['kind'], sides: Vote[][]): ReplicaDifference => ({
    ...{ from, to, kind },
    sides: sides.map((side) => side.map(({ id }) => id)),
    byMajority: (sides[0]?.length ?? 0) > sides.flat().length / 2,
  })
  const results = histories.map((side) => sidesOf(side, differ)).filter((sides) => sides.length > 1)
  return [
    ...(histories.length > 1 ? [difference('history', histories)] : []),
    ...results.map((sides) => difference('result', sides)),
  ]
}

/** Those together that do not differ, the most first. */
function sidesOf(votes: readonly Vote[], differs: (a: RangeDigest, b: RangeDigest) => boolean): Vote[][] {
  const sides: Vote[][] = []
  for (const vote of votes) {
    const side = sides.find((each) => each.every(({ range }) => !differs(range, vote.range)))
    if (side) side.push(vote)
    else sides.push([vote])
  }
  return sides.toSorted((a, b) => b.length - a.length)
}

/** Without those in which a smaller one lies that says the same better. */
function smallest(differences: readonly ReplicaDifference[]): ReplicaDifference[] {
  return differences.filter(
    (large) =>
      !differences.some(
        (small) =>
          small !== large && small.from >= large.from && small.to <= large.to && small.kind === large.kind,
      ),
  )
}

/** How many entries lie in any of these ranges, which may overlap. */
function sizeOf(ranges: readonly Range[]): number {
  let size = 0
  let end = 0
  for (const { from, to } of ranges) {
    size += Math.max(0, to - Math.max(end, from - 1))
    end = Math.max(end, to)
  }
  return size
}

function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].toSorted(([a, m], [b, n]) => n - m || b - a)[0]?.[0] ?? 0
}

import type { MemberView } from './members.js'

/** How long each rank lets the one before it go first, so that the best candidate usually runs alone. */
export const RANK_DELAY_MS = 25

/**
 * The order in which instances run for leadership: by priority, then by position, then by load, then by id, so that all
 * come to the same order. It only saves needless attempts; any order would be safe.
 */
export function rankOf(id: string, members: readonly MemberView[]): number {
  const candidates = members.filter((member) => member.eligible)
  candidates.sort(
    (a, b) => b.priority - a.priority || b.index - a.index || byLoad(a, b) || (a.id < b.id ? -1 : 1),
  )
  const rank = candidates.findIndex((member) => member.id === id)
  return rank === -1 ? candidates.length : rank
}

/** Loads within a tenth of each other count as equal: they change from one heartbeat to the next. */
function byLoad(a: MemberView, b: MemberView): number {
  return Math.round(a.load * 10) - Math.round(b.load * 10)
}

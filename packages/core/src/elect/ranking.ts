import type { MemberView } from './members.js'

/** How long each rank lets the one before it go first, so that the best candidate usually runs alone. */
const RANK_DELAY_MS = 25
/** How long an instance lets those of an older version of the app go first. */
const OLDER_FIRST_MS = 250

/** How long an instance lets better candidates go first. */
export function runDelayMs(id: string, members: readonly MemberView[]): number {
  const self = members.find((member) => member.id === id)
  const isNewer =
    self !== undefined && members.some(({ eligible, version }) => eligible && version < self.version)
  return rankOf(id, members) * RANK_DELAY_MS + (isNewer ? OLDER_FIRST_MS : 0)
}

/**
 * The order in which instances run for leadership: older versions of the app first, then by priority, then by position,
 * then by load, then by id, so that all come to the same order. It only saves needless attempts; any order would be safe.
 *
 * What a leader of an older version writes all instances understand; the first write of a newer one halts the older ones.
 * So in a rolling deploy the newer ones lead once none of the older ones is left that could.
 */
export function rankOf(id: string, members: readonly MemberView[]): number {
  const candidates = members.filter((member) => member.eligible)
  candidates.sort(
    (a, b) =>
      a.version - b.version ||
      b.priority - a.priority ||
      b.index - a.index ||
      byLoad(a, b) ||
      (a.id < b.id ? -1 : 1),
  )
  const rank = candidates.findIndex((member) => member.id === id)
  return rank === -1 ? candidates.length : rank
}

/** Loads within a tenth of each other count as equal: they change from one heartbeat to the next. */
function byLoad(a: MemberView, b: MemberView): number {
  return Math.round(a.load * 10) - Math.round(b.load * 10)
}

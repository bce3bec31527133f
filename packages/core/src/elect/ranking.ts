import type { MemberView } from './members.js'

/** How long each rank lets the one before it go first, so that the best candidate usually runs alone. */
const RANK_DELAY_MS = 25
/** How long an instance lets those of an older version of the app go first. */
const OLDER_FIRST_MS = 250

/** How long an instance lets better candidates go first, and the one that was named to be the first. */
export function runDelayMs(id: string, members: readonly MemberView[], first?: string): number {
  if (id === first) return 0
  const self = members.find((member) => member.id === id)
  const isNewer =
    self !== undefined && members.some(({ eligible, version }) => eligible && version < self.version)
  const rank = Math.max(rankOf(id, members), first === undefined ? 0 : 1)
  return rank * RANK_DELAY_MS + (isNewer ? OLDER_FIRST_MS : 0)
}

/**
 * The order in which instances run for leadership: older versions of the app first, whoever is loading a snapshot last, then
 * by priority, then by position, then by load, then by id, so that all come to the same order. It only saves needless
 * attempts; any order would be safe.
 *
 * What a leader of an older version writes all instances understand; the first write of a newer one halts the older ones.
 * So in a rolling deploy the newer ones lead once none of the older ones is left that could.
 */
export function rankOf(id: string, members: readonly MemberView[]): number {
  const candidates = inOrder(members)
  const rank = candidates.findIndex((member) => member.id === id)
  return rank === -1 ? candidates.length : rank
}

/** The one that should run first; undefined if nobody may. */
export function bestOf(members: readonly MemberView[]): string | undefined {
  return inOrder(members)[0]?.id
}

function inOrder(members: readonly MemberView[]): MemberView[] {
  return members
    .filter((member) => member.eligible)
    .toSorted(
      (a, b) =>
        a.version - b.version ||
        Number(a.loading ?? false) - Number(b.loading ?? false) || // it could not serve before it is done
        b.priority - a.priority ||
        b.index - a.index ||
        byLoad(a, b) ||
        (a.id < b.id ? -1 : 1),
    )
}

/** In quarters, and all that have little to do alike: loads change from one heartbeat to the next, the order should not. */
function byLoad(a: MemberView, b: MemberView): number {
  return Math.floor(a.load * 4) - Math.floor(b.load * 4)
}

import { jitter } from './clock.js'
import type { Candidacy, Standing } from './elect/candidacy.js'
import type { WatchListener } from './elect/leader-watch.js'
import type { MemberView } from './elect/members.js'
import { bestOf, rankOf, runDelayMs } from './elect/ranking.js'
import type { Instance } from './instance.js'
import { takeOver } from './operate/take-over.js'
import { onRoleChanged } from './role-change.js'
import { successorOf } from './successor.js'

/** How often an instance that may not run looks again whether it may, if nobody tells it. */
const INELIGIBLE_MS = 1000

/** An instance as its elector sees it. */
export function candidacyOf(instance: Instance): Candidacy {
  const { options, parts, leadership, applier, writer } = instance
  const { id } = options
  return {
    appVersion: parts.machine?.version ?? 0,
    floor: () => Math.max(leadership.floor, applier.position.term),
    reason: () => leadership.lastReason,
    self: () => ({ id, url: instance.url, publicUrl: instance.publicUrl }),
    standing: () => standingOf(instance),
    takeOver: (claim, connection, signal) => takeOver(successorOf(instance), claim, connection, signal),
    renewalAsked: (outcome, ms) => {
      instance.meters.count('renewals', outcome)
      instance.meters.observe('renew', ms)
    },
    roleChanged: (next, before, event) => onRoleChanged(instance, next, before, event),
    vacancyChanged: (vacant) => leadership.vacancy(vacant),
    retire: async (connection) => {
      await writer.settled()
      connection.close()
    },
  }
}

/** Why an instance must not lead; undefined if it may. */
export function ineligibilityOf(instance: Instance): string | undefined {
  const { options, catchUp, membership } = instance
  if (instance.stopping) return 'it is stopping'
  if (!instance.eligible)
    return options.eligible ? 'setEligible(false) was called' : 'the option eligible is false'
  if (instance.needsUrl && instance.url === undefined) return 'it has no url, and requests are routed to it'
  if (membership.refusal) return `Redis has another group in its place (${membership.refusal})`
  // One that is ahead of the log leads to put back what that has lost.
  if (catchUp.halted && !(catchUp.halted === 'LOG_LOST' && instance.recovers))
    return `its replica does not follow the log (${catchUp.halted})`
  return undefined
}

/** Lets the heir go first, then better candidates. */
async function standingOf(instance: Instance): Promise<Standing> {
  const ineligible = { eligible: false, delayMs: INELIGIBLE_MS }
  if (instance.ineligibleBecause !== undefined) return ineligible
  const { mayRun, isHeir, againMs = INELIGIBLE_MS } = await instance.pause.leave()
  if (!mayRun) return { eligible: false, delayMs: Math.min(againMs, INELIGIBLE_MS) }
  return {
    eligible: true,
    delayMs: isHeir
      ? 0
      : jitter(
          instance.parts.clock,
          runDelayMs(instance.options.id, rivalsOf(instance), instance.leadership.heir),
        ),
  }
}

/** How many would run before this one. */
export function rankOfInstance(instance: Instance): number {
  return rankOf(instance.options.id, rivalsOf(instance))
}

/** Who would run if the leader were gone, this instance included. */
function rivalsOf({ options, applier, catchUp, roster, leadership }: Instance): readonly MemberView[] {
  const { newestVersion, index } = applier
  const { loading } = catchUp
  // What it knows of the others is newer than its own last record: compared with that it would let everybody go first.
  const alive = roster.alive.map((member) =>
    member.id === options.id ? { ...member, index, loading } : member,
  )
  return alive.filter(
    ({ id, role, version }) =>
      id === options.id ||
      // Whoever said last that it leads does not run, since it leads, or is gone: it looks alive for some heartbeats more.
      // One whose app is too old for the log cannot lead, whatever it said of itself last.
      (role !== 'leader' && id !== leadership.claimantId && version >= newestVersion),
  )
}

/** An instance as its watch over the leader sees it. */
export function watchListenerOf(instance: Instance): WatchListener {
  const { elector, leadership } = instance
  return {
    leader: () =>
      elector.state.role === 'follower' && instance.ineligibleBecause === undefined && !instance.pause.active
        ? leadership.rival
        : undefined,
    rank: () => rankOfInstance(instance),
    heir: () => bestOf(rivalsOf(instance)),
    suspected: () => elector.prepare(),
    deposed: (heir, seenMs) => {
      leadership.heard('deposed', heir)
      elector.noticedVacancy(seenMs)
    },
  }
}

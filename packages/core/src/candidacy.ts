import { jitter } from './clock.js'
import type { Candidacy } from './elect/elector.js'
import { runDelayMs } from './elect/ranking.js'
import type { Instance } from './instance.js'
import { takeOver } from './operate/take-over.js'
import { onRoleChanged } from './role-change.js'

/** An instance as its elector sees it. */
export function candidacyOf(instance: Instance): Candidacy {
  const { options, parts, leadership, applier, writer } = instance
  const { id } = options
  return {
    appVersion: parts.machine?.version ?? 0,
    floor: () => Math.max(leadership.floor, applier.position.term),
    self: () => ({ id, url: instance.url, publicUrl: instance.publicUrl }),
    standing: () => ({ eligible: instance.ineligibleBecause === undefined, delayMs: delayMs(instance) }),
    takeOver: (claim, connection, signal) => takeOver(instance, claim, connection, signal),
    roleChanged: (next, before, event) => onRoleChanged(instance, next, before, event),
    vacancyChanged: (vacant) => leadership.vacancy(vacant),
    retire: async (connection) => {
      await writer.settled()
      connection.close()
    },
  }
}

/** Lets better candidates go first. The last leader is gone, or it would not be vacant. */
function delayMs({ options, applier, roster, leadership }: Instance): number {
  const { newestVersion } = applier
  const rivals = roster.alive.filter(
    // One whose app is too old for the log cannot lead, whatever it said of itself last.
    (member) =>
      member.id === options.id || (member.id !== leadership.claimantId && member.version >= newestVersion),
  )
  return jitter(runDelayMs(options.id, rivals))
}

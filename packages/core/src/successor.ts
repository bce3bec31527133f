import type { Instance } from './instance.js'
import { settle } from './operate/settle.js'
import type { Successor } from './operate/take-over.js'

/** An instance as its own take-over sees it. */
export function successorOf(instance: Instance): Successor {
  const { options, parts, applier, catchUp, replicates, recovers, roster, heartbeat } = instance
  const { settleMs, id } = options
  return {
    ...{ id, applier, catchUp, replicates, recovers },
    seed: {
      snapshots: parts.snapshots,
      take: () => catchUp.takeSnapshot(() => catchUp.halted === 'LOG_LOST'),
      look: () => catchUp.look(),
    },
    warn: (code, message) => instance.warn(code, message),
    settle(claim, signal) {
      const known = roster.alive.map((member) => member.id)
      const announce = () => parts.leases.announceLeader()
      heartbeat.beatNow()
      const startedMs = parts.clock.now()
      return settle(
        { ...parts, settleMs, self: id, known, empty: applier.index === 0, announce },
        claim,
        signal,
      ).then((settled) => {
        const ms = Math.round(parts.clock.now() - startedMs)
        const heard = settled.views.map((view) => `${view.id}@${view.applied.index}`)
        options.logger.info(
          { event: 'settled', term: claim.term, head: claim.head, heard, silent: settled.silent, ms },
          'all who are connected have said what they have',
        )
        return settled
      })
    },
  }
}

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
      return settle(
        { ...parts, settleMs, self: id, known, empty: applier.index === 0, announce },
        claim,
        signal,
      )
    },
  }
}

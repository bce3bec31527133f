import type { Instance } from './instance.js'
import type { AuditParts, Finding } from './operate/audit.js'
import { markHead } from './reactions.js'

/** How long an heir has to take over from a leader that is in doubt. */
const HEIR_MS = 2000

/** An instance as the audit of its replica sees it. */
export function auditPartsOf(instance: Instance): AuditParts {
  const { options, parts, applier, catchUp, leadership, heartbeat } = instance
  let isSteppingDown = false
  return {
    id: options.id,
    version: parts.machine?.version ?? 0,
    evidence: applier.evidence,
    index: () => applier.index,
    halted: () => catchUp.halted,
    startsOverFrom: () => catchUp.startsOverFrom,
    doubt: (from) => catchUp.doubt(from),
    leader: () => leadership.leader,
    mark: () => {
      void markHead(instance).then((marked) => marked && heartbeat.beatNow())
    },
    stepDown: async (heirs) => {
      if (isSteppingDown) return
      isSteppingDown = true
      await stepDown(instance, heirs).finally(() => {
        isSteppingDown = false
      })
    },
    found: (finding) => report(instance, finding),
  }
}

/** Hands over to one whose replica is known to be right; without one that takes it, the lease goes to whoever runs. */
async function stepDown(instance: Instance, heirs: readonly string[]): Promise<void> {
  const { handOver, elector, pause, options } = instance
  for (const heir of heirs) {
    try {
      await handOver.run(heir, HEIR_MS, new AbortController().signal)
      return
    } catch (error) {
      options.logger.debug({ err: error, heir }, 'an instance did not take over from a leader in doubt')
    }
  }
  // In a paused group nobody else would lead; a leader in doubt is better than none, and it tries again.
  if (elector.leads && !pause.active) await elector.handOver()
}

function report(instance: Instance, { id, from, to, byMajority, again = false }: Finding): void {
  const { options, parts } = instance
  const isSelf = id === options.id
  const than = byMajority === undefined ? 'than the others' : byMajority ? 'than most' : 'than the leader'
  const who = isSelf ? 'This instance' : `Instance ${id}`
  const then = again
    ? 'It did so shortly after it had started over, so it stays halted as long as this leader leads: find the command that is not deterministic.'
    : 'It stops serving and starts over from a snapshot of another one. A command is not deterministic, or the state was changed outside of the commands.'
  instance.warn(
    again ? 'REPLICA_DIFFERS_AGAIN' : 'REPLICA_DIFFERS',
    `${who} computed something else ${than} in the entries ${from} to ${to}. ${then}`,
  )
  parts.emit('differed', { id, from, to })
  instance.heartbeat.beatNow()
}

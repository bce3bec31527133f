import { isDeepStrictEqual } from 'node:util'
import { demotionReason, type RoleEvent, type RoleState } from './elect/role.js'
import type { Instance } from './instance.js'

/** Hooked to the one setter of the role: the state has changed already, events come last. */
export function onRoleChanged(
  instance: Instance,
  next: RoleState,
  before: RoleState,
  event: RoleEvent,
): void {
  const { options, chronicle, pusher, work, receiver, writer, taker, heartbeat, leadership, parts } = instance
  const { id } = options
  chronicle.roleChanged(next, before, event)
  if (next.role === 'candidate') taker.giveWay()
  else taker.resume()
  if (before.role === 'leader') {
    pusher.stop()
    work.end()
    receiver.resume()
    instance.applied.wakeAll() // whoever waits for an own append has to look again
  }
  if (next.role === 'leader') serve(instance, next.term)
  else if (next.role === 'candidate') writer.suspend()
  else writer.close('This instance is not the leader any more')
  heartbeat.beatNow()
  if (before.role === 'leader') {
    const reason = demotionReason(event)
    leadership.heard(reason)
    leadership.serve(undefined)
    parts.emit('demoted', { term: before.term, reason })
  }
  if (next.role === 'leader') {
    const { url, publicUrl, elector } = instance
    leadership.serve({ id, term: next.term, url, publicUrl }, elector.served?.reason)
    record(instance, next.term)
    parts.emit('elected', { term: next.term, recoverMs: instance.recoverMs ?? 0 })
    work.begin(next.term)
    void instance.switchover.look() // whoever asked for it waits to hear that this instance serves
    instance.noticeCatchUp()
  }
}

function serve(instance: Instance, term: number): void {
  const { elector, parts, receiver, writer, roster, pusher, options, replicates } = instance
  const { served } = elector
  if (!served) throw new Error('A leader without a term')
  instance.recoverMs = served.failover ? parts.clock.now() - served.vacantSinceMs : undefined
  receiver.pause()
  writer.open(served.connection, served.claim)
  if (!replicates) return
  openReign(instance, served.claim.replIdChanged)
  const followers = roster.aliveBut(options.id)
  pusher.start(
    term,
    served.claim.head,
    followers.map((member) => member.id),
  )
}

/** The group remembers who led when; a record that is lost costs nothing else. */
function record({ elector, parts, options, recoverMs }: Instance, term: number): void {
  const { served } = elector
  const ms = recoverMs === undefined ? undefined : Math.round(recoverMs)
  const change = { term, leader: options.id, reason: served?.reason, recoverMs: ms }
  parts.log.recordChange(served?.claim.nonce ?? '', change).catch((error: unknown) => {
    options.logger.debug({ err: error }, 'the change of leader could not be recorded')
  })
}

/**
 * Replicas must agree on how many results they keep, so the log says it: it is the leader's options that count. And in
 * another life of the server nobody reads consistently before a leader has written, which had looked for what was lost (G9).
 */
function openReign({ applier, options, writer }: Instance, replIdChanged: boolean): void {
  const { resultsKept: results, resultsKeptBytes: bytes, resultsKeptMs: ageMs, logger } = options
  const bounds = { results, bytes, ageMs }
  const areSet = isDeepStrictEqual(applier.bounds, bounds)
  if (areSet && !replIdChanged) return
  writer.mark(areSet ? undefined : bounds).catch((error: unknown) => {
    logger.debug({ err: error }, 'the first entry of a reign could not be written; the next leader does it')
  })
}

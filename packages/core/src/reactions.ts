import { type Applied, isOutcome } from './apply/applier.js'
import type { LeaseNotice } from './elect/lease.js'
import type { MemberView } from './elect/members.js'
import type { Instance } from './instance.js'
import { tellUrl } from './leader-url.js'
import type { Entry } from './log/entry.js'
import type { Meters } from './observe/meters.js'
import type { Acknowledgement, RangeNotice } from './replicate/job-transport.js'
import type { SentBatch } from './write/sent-batch.js'

/** What an instance does each time it has published itself: compares with the others, and with the log. */
export async function afterHeartbeat(instance: Instance, members: readonly MemberView[]): Promise<void> {
  const { parts, roster, options, elector, receiver, sweeper, copies } = instance
  roster.update(members)
  const others = roster.aliveBut(options.id)
  copies.keep(new Set(others.map(({ id }) => id)))
  for (const { id, applied } of others) {
    copies.acknowledged(id, applied)
    // Whoever leads next has been seen alive before it leads, so that its death shows from the first moment on.
    void parts.leases.isPresent(id)
  }
  const twin = others.find(({ name }) => name === options.name)
  if (twin && elector.state.role !== 'stopped') {
    instance.warn(
      'NAME_TAKEN',
      `Another living instance, ${twin.id}, has the name "${twin.name}". Names must be unique.`,
    )
  }
  void instance.switchover.look()
  if (elector.leads) await asLeader(instance, others)
  // Progress never depends on a job. Not awaited: to load a large snapshot takes longer than a heartbeat may stay away.
  else {
    void instance.audit.asFollower(others) // nor is this: it waits for a snapshot that is being loaded
    void receiver.pull()
  }
  await sweeper.sweep(members, elector.leads)
}

/** A leader keeps track of its followers, looks whether it still leads, and keeps the log short. */
async function asLeader(instance: Instance, followers: readonly MemberView[]): Promise<void> {
  const { pusher, applier, catchUp, elector, snapshots, replicates } = instance
  pusher.keep(new Set(followers.map(({ id }) => id)))
  if (replicates) for (const { id, index } of followers) pusher.acknowledged(id, index)
  instance.audit.asLeader(followers)

  const page = await catchUp.look()
  const { served } = elector
  if (!served) return
  const { claim, connection } = served
  if (page.nonce !== claim.nonce || page.replId !== claim.replId) {
    elector.fenced(page.nonce === claim.nonce ? 'another replication id' : `term ${page.term}`)
    return
  }
  await tellUrl(instance, page.leader)
  if (replicates) {
    if (
      applier.position.term !== claim.term &&
      followers.some(({ ahead, term }) => ahead && term >= claim.term)
    ) {
      // It has compared itself with this reign and is still ahead, so it was not there when the others settled. With an entry
      // of this term behind the head it is off, says what was lost, and rebuilds itself instead of waiting for ever (G7).
      void markHead(instance)
    }
    await snapshots.tend(page, followers, claim.term, connection, instance.audit.wish(followers))
  }
}

/** Appends an entry that changes nothing. False if that failed: whoever wants it tries again at the next heartbeat. */
export async function markHead({ writer, options }: Instance): Promise<boolean> {
  try {
    await writer.mark()
    return true
  } catch (error) {
    options.logger.debug({ err: error }, 'the head could not be marked; tried again at the next heartbeat')
    return false
  }
}

/** The replica has changed: reports a bug of the app, and answers whoever waits for the entry. */
export function onApplied(instance: Instance, entry: Entry, what: Applied): void {
  const { options, parts, pending, applied, changes, meters } = instance
  if (what.index !== entry.index && isOutcome(what) && pending.find(entry.opId)) meters.count('replays', '')
  if (!what.ok && what.index === entry.index && what.error.code === 'COMMAND_FAILED') {
    options.logger.error({ event: 'commandFailed', err: what.error, index: entry.index }, 'a command threw')
    parts.emit('error', what.error)
  }
  pending.applied(entry, what)
  applied.reached(entry.index)
  changes.applied(entry, what)
}

/** A batch of writes was sent to the log. */
export function onSent(meters: Meters, { outcome, entries, bytes, ms, longestMs }: SentBatch): void {
  meters.count('appends', outcome)
  meters.observe('append', ms)
  if (outcome !== 'appended') return
  meters.count('appendedEntries', '', entries)
  meters.count('appendedBytes', '', bytes)
  meters.observe('batch', entries)
  meters.observe('request', longestMs)
}

/** The group was paused, or is not any more. */
export function onPaused({ chronicle, pause, elector }: Instance): void {
  chronicle.paused(pause.active)
  elector.wake()
}

/** Something that concerns all. A lost or late notice costs time only: the loops look by themselves. */
export function onLeaseNotice(instance: Instance, notice: LeaseNotice): void {
  const { elector, leadership, receiver, heartbeat, switchover } = instance
  if (notice.kind === 'vacant') {
    leadership.heard(notice.reason, notice.heir)
    elector.noticedVacancy()
  } else elector.wake()
  const isOrder = notice.kind === 'orders'
  if (isOrder) {
    void switchover.look()
    if (instance.ineligibleBecause === undefined) elector.prepare() // it may be the heir
  }
  void receiver.pull().then(() => {
    // The new leader learns from the acknowledgement whom it has to push to; one that hands over waits for the heartbeat.
    void receiver.acknowledge()
    if (isOrder) heartbeat.beatNow()
  })
}

/** A job came. Never rejects, and does not wait for a snapshot: the jobs behind it go on. */
export async function onRangeNotice(
  { receiver, snapshots, audit }: Instance,
  notice: RangeNotice,
): Promise<void> {
  await receiver.noticed(notice)
  if (notice.snapshot)
    void snapshots
      .make()
      .then((snapshot) => snapshot && receiver.acknowledge(snapshot, audit.record()?.evidence))
}

/** A follower said how far it is, and perhaps that it has made a snapshot. */
export function onAcknowledgement(instance: Instance, acknowledgement: Acknowledgement): void {
  const { id, term, index, snapshot, evidence } = acknowledgement
  const { options, roster, pusher, elector, snapshots, copies, audit } = instance
  if (id === options.id) return
  roster.progressed(id, index)
  if (!roster.hasLeft(id)) {
    copies.acknowledged(id, { term, index })
    pusher.acknowledged(id, index)
  }
  if (!snapshot || !elector.served) return
  const maker = roster.all.find((member) => member.id === id)
  if (audit.refuses(maker, evidence))
    options.logger.warn(
      { event: 'snapshotRefused', snapshot: snapshot.id, index: snapshot.index, maker: id },
      'a snapshot was refused: its maker computed something else',
    )
  else void snapshots.offered(snapshot, elector.served.connection)
}

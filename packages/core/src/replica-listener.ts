import { versionTooOld } from './errors.js'
import type { Instance } from './instance.js'
import { SnapshotHolds } from './operate/snapshot-holds.js'
import type { CatchUpListener } from './replicate/catch-up-listener.js'

/** An instance as its replica sees it: whom it tells of what happens to it. */
export function replicaListenerOf(instance: Instance): CatchUpListener {
  const { emit } = instance.parts
  const holds = new SnapshotHolds(instance.options.leaseTtlMs, (code, message) =>
    instance.warn(code, message),
  )
  return {
    read: (page) => {
      instance.leadership.read(page)
      instance.membership.noticed(page.secretVersion)
    },
    used: () => instance.noticeCatchUp(),
    present: (state, claimed) => instance.writer.resolveLost(state, claimed),
    diverged: (position, agreedIndex) => {
      instance.noticeRebuilding()
      emit('diverged', { position, agreedIndex, lost: position.index - agreedIndex })
    },
    rebuilding: () => instance.noticeRebuilding(),
    logLost: (position, head) => emit('logLost', { position, head }),
    versionTooOld: (cause) => {
      const { message } = versionTooOld(
        `${cause.message}; this instance stops applying the log and cannot lead`,
      )
      instance.warn('VERSION_TOO_OLD', message, cause)
      instance.heartbeat.beatNow() // nobody should wait for it to run for leadership
    },
    loading: () => instance.heartbeat.beatNow(), // so that the log is not trimmed behind what it loads
    taken: ({ hold }) => holds.held('taking', hold),
    loaded: ({ head, ms, hold }) => {
      holds.held('loading', hold)
      instance.chronicle.snapshot('loaded', { index: head.index, bytes: head.bytes, ms })
    },
    badSnapshot: (cause) => instance.warn('SNAPSHOT_BAD', `${cause.message}; it is not used.`, cause),
  }
}

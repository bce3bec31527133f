/** Watches group and load while the demo runs, and keeps the screen up to date. */
import { setTimeout as sleep } from 'node:timers/promises'

const RATE_WINDOW_MS = 1000

/** Operations per second over the last whole window, counted by when they ended. */
function ratesOf(operations, nowMs, startedAtMs) {
  const sinceMs = Math.max(startedAtMs, nowMs - RATE_WINDOW_MS)
  const at = operations.findLastIndex(({ endedAtMs }) => endedAtMs < sinceMs)
  const recent = operations.slice(at + 1).filter(({ outcome }) => outcome === 'acknowledged')
  const perSecond = (isWanted) =>
    Math.round((recent.filter(isWanted).length * 1000) / Math.max(1, nowMs - sinceMs))
  return {
    writesPerSecond: perSecond(({ kind }) => kind !== 'get'),
    readsPerSecond: perSecond(({ kind }) => kind === 'get'),
  }
}

function slotView({ name, instance, status }, head) {
  if (instance.hasEnded()) return { name, role: 'down' }
  if (!status) return { name, role: 'silent' }
  return { name, role: status.role, index: status.index, lag: Math.max(0, head - status.index) }
}

function viewOf({ group, load, failoversMs, startedAtMs, durationMs }) {
  const nowMs = performance.now()
  const head = group.head()
  const { operations } = load
  const isAcknowledged = ({ outcome }) => outcome === 'acknowledged'
  return {
    elapsedMs: nowMs - startedAtMs,
    durationMs,
    slots: group.slots.map((slot) => slotView(slot, head)),
    term: group.leader()?.status.term,
    head,
    ...ratesOf(operations, nowMs, startedAtMs),
    acknowledged: operations.filter((it) => it.kind !== 'get' && isAcknowledged(it)).length,
    errors: operations.filter((it) => !isAcknowledged(it)).length,
    failovers: failoversMs.length,
  }
}

/** Shows how { group, load, failoversMs, startedAtMs, durationMs } stand, again and again until `signal` is aborted. */
export async function showProgress({ screen, signal, ...run }) {
  while (!signal.aborted) {
    await run.group.look()
    if (signal.aborted) break
    screen.update(viewOf(run))
    await sleep(screen.intervalMs, undefined, { signal }).catch(() => {})
  }
}

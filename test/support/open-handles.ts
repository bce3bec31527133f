import { createHook } from 'node:async_hooks'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** How many resources of each kind keep the process alive. */
export type HandleSnapshot = ReadonlyMap<string, number>

/** What a stopped node may not leave: its sockets, its servers and its timers. */
const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'ConnectWrap', 'Timeout', 'Immediate']

/** Those made since the first snapshot. Jest has some from before, which end when they like and would hide others. */
const timers = new Map<number, NodeJS.Timeout>()
const timerHook = createHook({
  init: (id, type, _trigger, resource) =>
    void (type === 'Timeout' && timers.set(id, resource as NodeJS.Timeout)),
  destroy: (id) => void timers.delete(id),
})

/** What keeps this process alive at the moment, but for timers from before the first call. */
export function handleSnapshot(): HandleSnapshot {
  timerHook.enable()
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  counts.set('Timeout', [...timers.values()].filter((timer) => timer.hasRef()).length)
  return counts
}

/**
 * Waits until no more sockets and timers are open than in `before`; closing one takes some turns of the event loop.
 *
 * @throws Error with the kinds that are left over, after `timeoutMs`.
 */
export async function expectNoOpenHandles(
  before: HandleSnapshot,
  options: { timeoutMs?: number } = {},
): Promise<void> {
  const deadlineMs = performance.now() + (options.timeoutMs ?? 5_000)
  for (;;) {
    // A timer that has just fired, such as the one below, is told to be gone some turns later.
    for (let turn = 0; turn < 3; turn++) await nextTurn()
    const extra = since(before)
    if (extra.length === 0) return
    if (performance.now() > deadlineMs) throw new Error(`Still open: ${extra.join(', ')}`)
    await sleep(10)
  }
}

/** Of which kinds more are open now than then. */
function since(before: HandleSnapshot): string[] {
  const now = handleSnapshot()
  return WATCHED.flatMap((kind) => {
    const more = (now.get(kind) ?? 0) - (before.get(kind) ?? 0)
    return more > 0 ? [`${more} × ${kind}`] : []
  })
}

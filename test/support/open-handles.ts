import { eventually } from './deadline.js'

/** How many resources of each kind keep the process alive. */
export type HandleSnapshot = ReadonlyMap<string, number>

/** What a stopped node may not leave: its sockets, its servers and its timers. */
const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'ConnectWrap', 'Timeout', 'Immediate']

/**
 * What keeps this process alive at the moment. Take it in the same test or hook as the comparison: each has a timer of
 * Jest's own.
 */
export function handleSnapshot(): HandleSnapshot {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
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
  let extra: string[] = []
  const none = () => {
    const now = handleSnapshot()
    extra = WATCHED.flatMap((kind) => {
      const more = (now.get(kind) ?? 0) - (before.get(kind) ?? 0)
      return more > 0 ? [`${more} × ${kind}`] : []
    })
    return extra.length === 0
  }
  try {
    await eventually(none, { timeoutMs: options.timeoutMs ?? 5_000, message: 'all handles to be closed' })
  } catch {
    throw new Error(`Still open: ${extra.join(', ')}`)
  }
}

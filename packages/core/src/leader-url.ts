import type { LeaderInfo } from './events.js'
import type { Instance } from './instance.js'

/**
 * A leader whose URLs are not those that the log says of it puts them right there, and has all look: `setUrl` was called since
 * its claim, or while that was on its way. Looked at with each heartbeat, so one that fails is made up for.
 */
export async function tellUrl(instance: Instance, said: LeaderInfo | undefined): Promise<void> {
  const { elector, leadership, parts, options, url, publicUrl } = instance
  const { served } = elector
  if (!served || (said?.url === url && said?.publicUrl === publicUrl)) return
  const { claim, reason } = served
  try {
    if (!(await parts.log.setLeaderUrl(claim, { url, publicUrl }))) return
    if (elector.served !== served) return
    leadership.serve({ id: options.id, term: claim.term, url, publicUrl }, reason)
    parts.leases.announceLeader()
  } catch (error) {
    options.logger.debug({ err: error }, 'the url could not be told; tried again at the next heartbeat')
  }
}

import type { ReplicaLists } from './check-lists.js'
import { eventually } from './deadline.js'
import type { Instance } from './instances.js'

/**
 * Waits until every instance has applied the head of the log, and reads all of its lists. The commands of the example are
 * deterministic: an instance that the audit has named was named wrongly, or has applied something else.
 */
export async function converged(
  instances: readonly Instance[],
  keys: readonly string[],
): Promise<ReplicaLists[]> {
  return Promise.all(
    instances.map(async (instance) => {
      const atHead = async () => {
        const { instance: self, group } = await instance.status()
        return group.members.some(({ id, lagEntries }) => id === self.id && lagEntries === 0)
      }
      await eventually(atHead, { message: `${instance.url} to catch up` })
      const { audit } = (await instance.status()).instance
      if (audit.rebuilds > 0 || audit.differs)
        throw new Error(`${instance.url} was named by the audit: ${JSON.stringify(audit)}`)
      const lists = await Promise.all(
        keys.map(async (key) => [key, (await instance.list(key)).body.items] as const),
      )
      return { replica: instance.url, lists: new Map(lists) }
    }),
  )
}

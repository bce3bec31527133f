import type { Member, MemberStore, MemberView } from '../elect/members.js'
import type { MemoryClient } from './memory-client.js'
import type { MemoryRedis } from './memory-redis.js'

/** Members in a Redis in memory. */
export class MemoryMemberStore implements MemberStore {
  readonly #client: MemoryClient

  constructor(client: MemoryClient) {
    this.#client = client
  }

  publish(member: Member): Promise<MemberView[]> {
    // What the text says; read here, as it is read more often than it is written.
    const record = JSON.parse(JSON.stringify(member)) as Member
    return this.#client.call('publishMember', (redis) => {
      redis.data.members.set(member.id, { timeMs: redis.timeMs, record })
      return viewsOf(redis)
    })
  }

  list(): Promise<MemberView[]> {
    return this.#client.call('listMembers', viewsOf)
  }

  async remove(id: string): Promise<void> {
    await this.#client.call('removeMember', ({ data }) => data.members.delete(id))
  }
}

function viewsOf({ data, timeMs: nowMs }: MemoryRedis): MemberView[] {
  return [...data.members.values()].map(({ timeMs, record }) => ({
    ...record,
    silentMs: Math.max(0, nowMs - timeMs),
  }))
}

import type { Redis } from 'ioredis'
import type { Member, MemberStore, MemberView } from '../elect/members.js'
import { callScript } from './call-script.js'
import type { Keys } from './keys.js'

/** Members as a hash: instance id to the server's time and what the instance says of itself. */
export class RedisMemberStore implements MemberStore {
  readonly #client: Redis
  readonly #keys: Keys

  constructor(client: Redis, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  publish(member: Member): Promise<MemberView[]> {
    return this.#call(member.id, JSON.stringify(member))
  }

  list(): Promise<MemberView[]> {
    return this.#call('', '')
  }

  async remove(id: string): Promise<void> {
    await this.#client.hdel(this.#keys.members, id)
  }

  async #call(id: string, record: string): Promise<MemberView[]> {
    const [now, flat] = (await callScript(
      this.#client,
      'publishMember',
      [this.#keys.members],
      [id, record],
    )) as [string, string[]]
    const members: MemberView[] = []
    for (let i = 1; i < flat.length; i += 2) {
      const value = flat[i] as string
      const at = value.indexOf(' ')
      const member = JSON.parse(value.slice(at + 1)) as Member
      members.push({ ...member, silentMs: Math.max(0, Number(now) - Number(value.slice(0, at))) })
    }
    return members
  }
}

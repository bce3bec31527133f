import { fileURLToPath } from 'node:url'
import { Member } from '../shared/member.mjs'

const FILE = fileURLToPath(new URL('instance.mjs', import.meta.url))

/** A leader, a follower that stays, and two of which one is killed and replaced again and again. */
export class ChurningGroup {
  #settings
  #mortals = []
  #kills = 0
  leader
  survivor

  static async start(settings) {
    const group = new ChurningGroup()
    group.#settings = settings
    try {
      group.leader = await group.#join('leader')
      group.survivor = await group.#join('survivor')
      for (const name of ['mortal-0', 'mortal-1'])
        group.#mortals.push({ name, member: await group.#join(name) })
    } catch (error) {
      await group.stop()
      throw error
    }
    return group
  }

  #join(name) {
    return Member.start(FILE, { ...this.#settings, name })
  }

  get kills() {
    return this.#kills
  }

  /** Kills the one that lived longer; another takes its place, under a new name and under the same one in turn. */
  async replaceOne() {
    const { name, member } = this.#mortals.shift()
    await member.kill()
    this.#kills++
    const next = this.#kills % 2 === 1 ? `mortal-${this.#kills + 1}` : name
    this.#mortals.push({ name: next, member: await this.#join(next) })
  }

  async stop() {
    const members = [this.leader, this.survivor, ...this.#mortals.map(({ member }) => member)]
    await Promise.all(members.map((member) => member?.stop()))
  }
}

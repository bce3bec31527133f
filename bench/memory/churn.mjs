import { withMembers } from '../shared/member.mjs'

const PROGRAM = new URL('instance.mjs', import.meta.url)

/** A leader, a follower that stays, and two of which one is killed and replaced again and again. */
export class ChurningGroup {
  #join
  #mortals = []
  #kills = 0
  leader
  survivor

  /** Resolves or rejects as `use` does, which gets a group for as long as it takes. */
  static with(settings, use) {
    return withMembers(async (start) => {
      const group = new ChurningGroup()
      group.#join = (name) => start(PROGRAM, { ...settings, name })
      group.leader = await group.#join('leader')
      group.survivor = await group.#join('survivor')
      for (const name of ['mortal-0', 'mortal-1'])
        group.#mortals.push({ name, member: await group.#join(name) })
      return use(group)
    })
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
}

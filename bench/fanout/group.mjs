import { withMembers } from '../shared/member.mjs'

const PROGRAM = new URL('process.mjs', import.meta.url)

/** A leader and its followers. */
export class Group {
  #leader
  #followers

  constructor(leader, followers) {
    this.#leader = leader
    this.#followers = followers
  }

  /** Resolves or rejects as `use` does, which gets a group for as long as it takes. */
  static with(scheme, redis, followers, use) {
    return withMembers(async (start) => {
      const names = Array.from({ length: followers }, (_, at) => `follower-${at}`)
      const group = `bench-${scheme}-${followers}-${Date.now()}`
      const join = (role, name) => start(PROGRAM, { scheme, redis, group, followers: names, role, name })
      const leader = await join('leader', 'leader')
      return use(new Group(leader, await Promise.all(names.map((name) => join('follower', name)))))
    })
  }

  /** Puts a load on it, and resolves once every follower has applied all of it. */
  async run(load) {
    const watching = await Promise.all(this.#followers.map((follower) => follower.begin('expect', load)))
    const leader = await this.#leader.call('write', load)
    const seen = await Promise.all(watching.map(({ reply }) => reply))
    return { leader, seen }
  }
}

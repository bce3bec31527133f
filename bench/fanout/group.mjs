import { fileURLToPath } from 'node:url'
import { Member } from '../shared/member.mjs'

const FILE = fileURLToPath(new URL('process.mjs', import.meta.url))

/** A leader and its followers. */
export class Group {
  #leader
  #followers

  static async start(scheme, redis, followers) {
    const group = new Group()
    const names = Array.from({ length: followers }, (_, at) => `follower-${at}`)
    const settings = { scheme, redis, group: `bench-${scheme}-${followers}-${Date.now()}`, followers: names }
    group.#leader = await Member.start(FILE, { ...settings, role: 'leader', name: 'leader' })
    group.#followers = await Promise.all(
      names.map((name) => Member.start(FILE, { ...settings, role: 'follower', name })),
    )
    return group
  }

  /** Puts a load on it, and resolves once every follower has applied all of it. */
  async run(load) {
    const watching = await Promise.all(this.#followers.map((follower) => follower.begin('expect', load)))
    const leader = await this.#leader.call('write', load)
    const seen = await Promise.all(watching.map(({ reply }) => reply))
    return { leader, seen }
  }

  async stop() {
    await Promise.all([this.#leader, ...this.#followers].map((member) => member.stop()))
  }
}

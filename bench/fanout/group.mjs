import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { guard } from '../../scripts/lib/guard.mjs'

const FILE = fileURLToPath(new URL('process.mjs', import.meta.url))

/** A process of one scheme. */
class Member {
  #child
  #calls = 0
  #ended
  #release

  static async start(settings) {
    const member = new Member()
    await member.#start(settings)
    return member
  }

  async #start(settings) {
    this.#child = fork(
      FILE,
      [JSON.stringify(settings)],
      process.env.PROFILES ? { execArgv: ['--cpu-prof', '--cpu-prof-dir', process.env.PROFILES] } : {},
    )
    this.#release = guard({ pid: this.#child.pid })
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code) =>
        reject(new Error(`${settings.name} of ${settings.scheme} ended (${code})`)),
      )
    })
    this.#ended.catch(() => {})
    await this.#next(({ ready }) => ready)
  }

  async call(call, argument) {
    const id = ++this.#calls
    this.#child.send({ id, call, argument })
    return (await this.#next((message) => message.id === id)).reply
  }

  /** Resolves once it looks for these writes, with a promise for what it saw. */
  async expect(writes) {
    const id = ++this.#calls
    const seen = this.#next((message) => message.id === id)
    const expecting = this.#next((message) => message.expecting === id)
    this.#child.send({ id, call: 'expect', argument: { writes } })
    await expecting
    return { seen: seen.then(({ reply }) => reply) }
  }

  async stop() {
    await this.call('close').catch(() => {})
    const ended = this.#ended.catch(() => {})
    if (this.#child.connected) this.#child.disconnect()
    await ended
    this.#release()
  }

  #next(matches) {
    const found = new Promise((resolve) => {
      const listener = (message) => {
        if (!matches(message)) return
        this.#child.off('message', listener)
        resolve(message)
      }
      this.#child.on('message', listener)
    })
    return Promise.race([found, this.#ended])
  }
}

/** A leader and its followers. */
export class Group {
  #leader
  #followers

  static async start(scheme, redis, followers) {
    const group = new Group()
    const names = Array.from({ length: followers }, (_, at) => `follower-${at}`)
    const settings = { scheme, redis, group: `bench-${scheme}-${followers}-${Date.now()}`, followers: names }
    group.#leader = await Member.start({ ...settings, role: 'leader', name: 'leader' })
    group.#followers = await Promise.all(
      names.map((name) => Member.start({ ...settings, role: 'follower', name })),
    )
    return group
  }

  /** Puts a load on it, and resolves once every follower has applied all of it. */
  async run(load) {
    const watching = await Promise.all(this.#followers.map((follower) => follower.expect(load.writes)))
    const leader = await this.#leader.call('write', load)
    const seen = await Promise.all(watching.map((watch) => watch.seen))
    return { leader, seen }
  }

  async stop() {
    await Promise.all([this.#leader, ...this.#followers].map((member) => member.stop()))
  }
}

import { fork } from 'node:child_process'
import { guard } from '../../scripts/lib/guard.mjs'

/**
 * A process of a benchmark, which answers calls (`answer-calls.mjs` is its end of it). With PROFILES=FOLDER in the
 * environment each leaves a CPU profile there.
 */
export class Member {
  #child
  #calls = 0
  #ended

  /** Resolves once it is ready. `file`: its program, as a path or a URL; `name` among the settings is for messages. */
  static async start(file, settings) {
    const member = new Member()
    await member.#start(file, settings)
    return member
  }

  async #start(file, settings) {
    this.#child = fork(
      file,
      [JSON.stringify(settings)],
      process.env.PROFILES ? { execArgv: ['--cpu-prof', '--cpu-prof-dir', process.env.PROFILES] } : {},
    )
    const release = guard({ pid: this.#child.pid })
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code, signal) => {
        release()
        reject(new Error(`${settings.name} ended (${signal ?? code})`))
      })
    })
    this.#ended.catch(() => {})
    await this.#next(({ ready }) => ready)
  }

  get pid() {
    return this.#child.pid
  }

  async call(call, argument) {
    const { reply } = await this.begin(call, argument)
    return reply
  }

  /** Resolves once the call has begun, with a promise for its reply. */
  async begin(call, argument) {
    const id = ++this.#calls
    const begun = this.#next((message) => message.begun === id)
    const replied = this.#next((message) => message.replied === id)
    replied.catch(() => {}) // or nobody looks: what ends the process ends the beginning as well
    this.#child.send({ id, call, argument })
    await begun
    return { reply: replied.then(({ reply }) => reply) }
  }

  /** Does nothing to one that is gone. */
  async stop() {
    if (this.#child.connected) {
      await this.call('close').catch(() => {})
      if (this.#child.connected) this.#child.disconnect() // it may have ended over this
    }
    await this.#ended.catch(() => {})
  }

  /** As a crash would end it. */
  async kill() {
    this.#child.kill('SIGKILL')
    await this.#ended.catch(() => {})
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

/**
 * Resolves or rejects as `use` does, and has stopped by then every process that `use` has started, the last one first:
 * `use` gets a function for that, with the arguments of `Member.start`.
 */
export async function withMembers(use) {
  const members = []
  const start = (...args) => {
    const member = Member.start(...args)
    members.unshift(member) // also one that is still on its way when `use` rejects
    return member
  }
  try {
    return await use(start)
  } finally {
    for (const starting of members) await starting.then((member) => member.stop()).catch(() => {})
  }
}

import { fork } from 'node:child_process'
import { guard } from '../../scripts/lib/guard.mjs'

/** A process of a benchmark that answers calls; `serve.mjs` is the other end. With PROFILES=FOLDER it leaves a profile there. */
export class Member {
  #child
  #calls = 0
  #ended
  #release

  /** Starts `file` with these settings; `name` among them is for messages. */
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
    this.#release = guard({ pid: this.#child.pid })
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code, signal) =>
        reject(new Error(`The process of ${settings.name} ended (${signal ?? code})`)),
      )
    })
    this.#ended.catch(() => {})
    await this.#next(({ ready }) => ready)
  }

  get pid() {
    return this.#child.pid
  }

  async call(call, argument) {
    return (await this.begin(call, argument)).reply
  }

  /** Resolves once it has begun with the call, with a promise for the reply. */
  async begin(call, argument) {
    const id = ++this.#calls
    const replied = this.#next((message) => message.id === id && 'reply' in message)
    replied.catch(() => {}) // whoever waits for it hears of it
    const begun = this.#next((message) => message.id === id && message.begun)
    this.#child.send({ id, call, argument })
    await begun
    return { reply: replied.then(({ reply }) => reply) }
  }

  async stop() {
    await this.call('close').catch(() => {})
    if (this.#child.connected) this.#child.disconnect()
    await this.#gone()
  }

  /** As a crash would end it. */
  async kill() {
    this.#child.kill('SIGKILL')
    await this.#gone()
  }

  async #gone() {
    await this.#ended.catch(() => {})
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

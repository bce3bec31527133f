import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../../scripts/lib/child.mjs'
import { root } from '../../scripts/lib/root.mjs'
import { ScriptError } from '../../scripts/lib/script.mjs'
import { Waiter } from './waiter.mjs'

const PROGRAM = join(root, 'bench/failover/elector-process.mjs')
const START_TIMEOUT_MS = 30_000
const PATIENCE_MS = 15_000
const STOP_TIMEOUT_MS = 5000
/** As long as two renewals are apart. */
const RENEWAL_MS = 500
/** What a new process may still have to do. */
const CALM_MS = 100
const SIGNALS = { kill: 'SIGKILL', stop: 'SIGTERM' }

/** Three processes of an elector that only elects. */
export class ElectorGroup {
  #name
  #url
  #members = []
  /** Who said last that it was elected. */
  #leader
  #elected = new Waiter()

  constructor(name, url) {
    this.#name = name
    this.#url = url
  }

  get name() {
    return this.#name
  }

  async start(count) {
    for (let i = 0; i < count; i++) await this.#add()
  }

  async stop() {
    await Promise.all(this.#members.map((member) => member.stop(STOP_TIMEOUT_MS)))
  }

  /** Ends the leader, and measures until another one says that it was elected. Then a new one takes its place. */
  async fail(how, random) {
    await sleep(CALM_MS + random() * RENEWAL_MS) // no failure is in step with a renewal or a poll
    const leader = this.#leader
    const next = this.#elected.next(PATIENCE_MS)
    const startedMs = performance.now()
    leader.signal(SIGNALS[how])
    const elected = await next
    await leader.stop(STOP_TIMEOUT_MS)
    this.#members = this.#members.filter((member) => member !== leader)
    await this.#add()
    if (!elected) return { invalid: 'nobody was elected' }
    if (elected.member === leader) return { invalid: 'the leader was elected again' }
    return { electedMs: elected.atMs - startedMs }
  }

  async #add() {
    const running = new Waiter()
    const begun = running.next(START_TIMEOUT_MS)
    const key = `bench:${this.#name}`
    const member = startChild(process.execPath, [PROGRAM, this.#name, this.#url, key], {
      onLine: (line) => {
        if (line === 'elected') this.#wasElected(member)
        else if (line === 'running') running.happened(true)
      },
    })
    if (!(await begun)) throw new ScriptError(`${this.#name} did not start:\n${member.recentOutput()}`)
    this.#members.push(member)
  }

  #wasElected(member) {
    this.#leader = member
    this.#elected.happened({ member, atMs: performance.now() })
  }
}

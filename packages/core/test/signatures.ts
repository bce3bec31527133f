import { setTimeout as sleep } from 'node:timers/promises'
import type { ElectionNode } from '../src/index.js'

const running = new Set<Signatures>()

/** Ends those that a test has left running, because it failed; for `afterEach`, before their nodes go. */
export async function stopSignatures(): Promise<void> {
  await Promise.all([...running].map((signatures) => signatures.stop()))
}

/**
 * Has every instance sign and every other verify, all the time, at once and again a while later: what instances do that
 * forward requests under load, but for the requests.
 */
export class Signatures {
  readonly #nodes: Set<ElectionNode>
  #underWay: {
    readonly text: string
    readonly signature: string
    readonly from: string
    readonly atMs: number
  }[] = []
  readonly #delayMs: number
  #running: Promise<void> | undefined
  #stopped = false
  #count = 0
  /** How many were verified so far. */
  checks = 0
  /** How many of those when they had been under way. */
  lateChecks = 0
  /** Who did not believe whom. */
  readonly refused: string[] = []

  /** @param delayMs for how long those are under way that are checked later */
  constructor(nodes: readonly ElectionNode[], delayMs: number) {
    this.#nodes = new Set(nodes)
    this.#delayMs = delayMs
  }

  /** From now on this one signs and verifies, too. */
  add(node: ElectionNode): void {
    this.#nodes.add(node)
  }

  /** This one has stopped: nobody asks it any more. What it has signed stays under way. */
  remove(node: ElectionNode): void {
    this.#nodes.delete(node)
  }

  start(): this {
    running.add(this)
    this.#running = this.#run()
    return this
  }

  async stop(): Promise<void> {
    this.#stopped = true
    running.delete(this)
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      for (const node of this.#nodes) {
        const text = `${node.id} ${this.#count++}`
        const signature = node.credentials.sign(text)
        this.#check(text, signature, `${node.name} at once`)
        this.#underWay.push({ text, signature, from: `${node.name} late`, atMs: performance.now() })
      }
      const now = performance.now()
      const arrived = this.#underWay.filter(({ atMs }) => now - atMs > this.#delayMs)
      this.#underWay = this.#underWay.slice(arrived.length)
      for (const { text, signature, from } of arrived) this.#check(text, signature, from)
      this.lateChecks += arrived.length
      await sleep(1)
    }
  }

  #check(text: string, signature: string, from: string): void {
    for (const node of this.#nodes) {
      this.checks++
      if (!node.credentials.verify(text, signature)) this.refused.push(`${from}, by ${node.name}`)
    }
  }
}

import type { Clock } from '../clock.js'
import type { ElectionNode } from '../election-node.js'
import type { MemoryRedis } from './memory-redis.js'
import { TestProcess } from './test-process.js'
import { type Latency, Wire } from './wire.js'

/** What a test group gives each of its instances. */
export interface TestSurroundings<N extends ElectionNode> {
  readonly world: Clock
  readonly redis: MemoryRedis
  readonly latencyMs: Latency
  createNode(name: string, boot: number, wire: Wire): N
  attach(instance: TestInstance<N>): (() => void) | void
}

/**
 * An instance of a test group: a node, the process that it runs in, and its way to Redis. What happens to a process happens
 * to its node alone: promises of a node whose process has died never settle, as nobody is left to see that.
 */
export class TestInstance<N extends ElectionNode> {
  readonly name: string
  readonly #surroundings: TestSurroundings<N>
  #boots = 0
  #run: { readonly node: N; readonly process: TestProcess; readonly wire: Wire } | undefined
  #detach: (() => void) | void = undefined

  /** Use `createTestGroup`. */
  constructor(name: string, surroundings: TestSurroundings<N>) {
    this.name = name
    this.#surroundings = surroundings
    this.#boot()
  }

  /** The node; another one after each `start`. */
  get node(): N {
    return this.#present.node
  }

  /** Whether its process runs: false from `kill` or `stop` to `start`. */
  get running(): boolean {
    return this.#run !== undefined && !this.#run.process.dead
  }

  get paused(): boolean {
    return this.#present.process.paused
  }

  /**
   * A request that reaches the process, whose handler is `fn`: it runs now, or once the process goes on.
   *
   * @throws Error if the process is gone, or dies before it has answered.
   */
  request<T>(fn: (node: N) => T | Promise<T>): Promise<T> {
    const { node, process } = this.#present
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error(`The process of ${this.name} is gone`))
      if (process.dead) return gone()
      process.died.addEventListener('abort', gone, { once: true })
      const answer = (settle: () => void) =>
        process.run(() => {
          process.died.removeEventListener('abort', gone)
          settle()
        })
      process.run(() => {
        new Promise<T>((handled) => handled(fn(node))).then(
          (value) => answer(() => resolve(value)),
          (error: Error) => answer(() => reject(error)),
        )
      })
    })
  }

  /** Starts a new process under the same name, after `kill` or `stop`. Resolves as `node.start()` does. */
  async start(): Promise<void> {
    if (!this.running) this.#boot()
    await this.node.start()
  }

  /** Stops the node, as a deploy would. */
  async stop(): Promise<void> {
    if (!this.running) return
    this.mend()
    this.resume()
    await this.node.stop()
    this.kill()
  }

  /** SIGKILL: the process is gone, and its system closes its connections. */
  kill(): void {
    this.#present.process.kill()
    this.#detach?.()
    this.#detach = undefined
  }

  /** SIGSTOP: it stands still, and what comes in waits, until `resume`. */
  pause(): void {
    this.#present.process.pause()
  }

  /** Its event loop alone stands still, as in an endless loop, until `resume`: other threads go on. */
  hang(): void {
    this.#present.process.pause(true)
  }

  resume(): void {
    this.#present.process.resume()
  }

  /** Its connections break, and no other can be made until `mend`. */
  cut(): void {
    this.#present.wire.cut()
  }

  /** Its connections break; it makes others at once. */
  reset(): void {
    this.#present.wire.reset()
  }

  /** Nothing comes through to Redis or back until `mend`; then it arrives late. Connections stand. */
  hold(): void {
    this.#present.wire.hold()
  }

  /** Nothing that is published reaches it until `mend`, as if its subscriptions were gone; all else does. */
  deafen(): void {
    this.#present.wire.deafen()
  }

  mend(): void {
    this.#present.wire.mend()
  }

  /** Its next append takes place, but the reply is lost, together with the connection. */
  loseReply(): void {
    this.#present.wire.loseReplyTo('append')
  }

  /** True until the reply has been lost that `loseReply` ordered. */
  get losing(): boolean {
    return this.#present.wire.losing
  }

  get #present() {
    if (!this.#run) throw new Error('unreachable: an instance boots when it is made')
    return this.#run
  }

  #boot(): void {
    const { world, redis, latencyMs } = this.#surroundings
    const process = new TestProcess(world)
    const wire = new Wire({ world, process, redis, latency: latencyMs })
    this.#run = { node: this.#surroundings.createNode(this.name, ++this.#boots, wire), process, wire }
    this.#detach = this.#surroundings.attach(this)
  }
}

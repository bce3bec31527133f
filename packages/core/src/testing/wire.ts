import type { Clock } from '../clock.js'
import type { MemoryRedis, Subscriber } from './memory-redis.js'
import type { TestProcess } from './test-process.js'

/** Under way in one direction, in ms: from, to. */
export type Latency = readonly [number, number]

/** Why a call has no answer. */
export class ConnectionLost extends Error {}

/** An instance's way to Redis: how long it takes, and whether anything comes through. */
export class Wire {
  readonly world: Clock
  readonly process: TestProcess
  readonly redis: MemoryRedis
  readonly #latency: Latency
  readonly #connections = new Set<Connection>()
  /** What stands in it while it is held, in order. */
  readonly #held: (() => void)[] = []
  #state: 'open' | 'cut' | 'held' = 'open'
  #lostReply: string | undefined
  #isDeaf = false

  constructor(parts: { world: Clock; process: TestProcess; redis: MemoryRedis; latency: Latency }) {
    this.world = parts.world
    this.process = parts.process
    this.redis = parts.redis
    this.#latency = parts.latency
    parts.process.died.addEventListener('abort', () => this.#hangUp())
  }

  /** Breaks all connections and lets none be made, until `mend`. */
  cut(): void {
    this.#state = 'cut'
    this.reset()
  }

  /** Breaks all connections; new ones can be made at once. What is under way may arrive, or not. */
  reset(): void {
    for (const connection of [...this.#connections]) connection.reset()
  }

  /** Nothing comes through, though every connection stands: what was sent arrives after `mend`, however late. */
  hold(): void {
    this.#state = 'held'
  }

  /** Nothing that is published comes through until `mend`, though every connection stands and calls are answered. */
  deafen(): void {
    this.#isDeaf = true
  }

  get isDeaf(): boolean {
    return this.#isDeaf
  }

  mend(): void {
    this.#state = 'open'
    this.#isDeaf = false
    for (const go of this.#held.splice(0)) this.world.timer(0, () => this.arrive(go))
  }

  /** The next call of that name runs, but its reply is lost, and the connection with it. */
  loseReplyTo(name: string): void {
    this.#lostReply = name
  }

  /** Whether the reply to this call is to be lost. Says so once. */
  losesReplyTo(name: string): boolean {
    if (this.#lostReply !== name) return false
    this.#lostReply = undefined
    return true
  }

  /** True while a lost reply has been ordered that has not been lost yet. */
  get losing(): boolean {
    return this.#lostReply !== undefined
  }

  /** A new connection, after the time that it takes. Rejects if nothing comes through. */
  async connect(): Promise<Connection> {
    await this.process.sleep(2 * this.delayMs())
    if (this.#state !== 'open' || this.redis.down) throw new ConnectionLost('The connection was refused')
    const connection = new Connection(this, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    return connection
  }

  /** Ms that something sent now is under way. */
  delayMs(): number {
    const [least, most] = this.#latency
    return least + (most - least) * this.world.random()
  }

  /** Something has been under way for its time: it arrives, unless the wire is held. */
  arrive(go: () => void): void {
    if (this.#state === 'held') this.#held.push(go)
    else go()
  }

  /** The process is gone: its system closes its connections, behind what it has sent. */
  #hangUp(): void {
    for (const connection of [...this.#connections]) connection.close()
  }
}

/** One connection. Calls run on the server in the order in which they were made, and are answered in that order. */
export class Connection implements Subscriber {
  readonly #wire: Wire
  readonly #forget: () => void
  readonly #closed = new AbortController()
  readonly #waiting = new Set<(error: Error) => void>()
  readonly #listeners = new Map<string, (text: string) => void>()
  /** When what was sent last arrives, on either side. */
  #requestsAtMs = 0
  #repliesAtMs = 0
  /** False from when the server knows that it is over. */
  #attached = true
  /** What is under way still arrives, though nobody waits for it. */
  #strays = false
  #heardMs: number

  constructor(wire: Wire, forget: () => void) {
    this.#wire = wire
    this.#forget = forget
    this.#heardMs = wire.world.now()
    wire.redis.connect(this)
  }

  /** Aborts when this end knows that it is over. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /** Ms since anything came in. */
  get muteMs(): number {
    return this.#wire.world.now() - this.#heardMs
  }

  /** Runs on the server in one step; rejects, with nothing known of that, if the connection ends before the reply. */
  call<T>(name: string, run: (redis: MemoryRedis) => T): Promise<T> {
    if (this.closed.aborted) return Promise.reject(new ConnectionLost('The connection is closed'))
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      const reply = (settle: () => void) =>
        this.#reply(() => {
          this.#waiting.delete(reject)
          settle()
        })
      this.#send(() => {
        let answer: () => void
        try {
          const result = run(this.#wire.redis)
          answer = () => resolve(result)
        } catch (error) {
          answer = () => reject(error)
        }
        if (this.#wire.losesReplyTo(name)) this.broken()
        else reply(answer)
      })
    })
  }

  /** Has `listener` called with what is published. */
  async subscribe(channel: string, listener: (text: string) => void): Promise<void> {
    this.#listeners.set(channel, listener)
    await this.call('subscribe', (redis) => redis.subscribe(this, channel))
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#listeners.delete(channel)
    await this.call('unsubscribe', (redis) => redis.unsubscribe(this, channel))
  }

  /** From this end: what was sent before still arrives. */
  close(): void {
    if (this.closed.aborted) return
    this.#send(() => this.#detach())
    this.#end()
  }

  /** Somewhere on the way. What this end has sent may have got through. */
  reset(): void {
    this.#strays = this.#wire.world.random() < 0.5
    this.broken()
  }

  /** From the server. */
  broken(): void {
    this.#detach()
    this.#wire.process.run(() => this.#end())
  }

  message(channel: string, text: string): void {
    if (!this.#wire.isDeaf) this.#reply(() => this.#listeners.get(channel)?.(text))
  }

  #detach(): void {
    this.#attached = false
    this.#wire.redis.disconnect(this)
  }

  #end(): void {
    if (this.closed.aborted) return
    this.#forget()
    this.#closed.abort()
    for (const reject of this.#waiting) reject(new ConnectionLost('The connection was lost'))
    this.#waiting.clear()
  }

  #send(run: () => void): void {
    const { world, redis } = this.#wire
    const life = redis.replId
    this.#requestsAtMs = Math.max(this.#requestsAtMs, world.now() + this.#wire.delayMs())
    world.timer(this.#requestsAtMs - world.now(), () =>
      this.#wire.arrive(() => {
        if ((this.#attached || this.#strays) && redis.replId === life && !redis.down) run()
      }),
    )
  }

  #reply(run: () => void): void {
    const { world } = this.#wire
    this.#repliesAtMs = Math.max(this.#repliesAtMs, world.now() + this.#wire.delayMs())
    world.timer(this.#repliesAtMs - world.now(), () =>
      this.#wire.arrive(() =>
        this.#wire.process.run(() => {
          if (this.closed.aborted) return
          this.#heardMs = world.now()
          run()
        }),
      ),
    )
  }
}

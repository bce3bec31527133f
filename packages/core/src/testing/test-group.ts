import type { Commands, StateMachineDefinition } from '../apply/state-machine.js'
import { LocalState } from '../apply/state-machine.js'
import { type Clock, systemClock } from '../clock.js'
import { ElectionNode } from '../election-node.js'
import { type NodeOptions, resolveOptions } from '../options.js'
import { ReplicatedNode } from '../replicated-node.js'
import { createMemoryParts } from './memory-parts.js'
import { type MemoryData, MemoryRedis } from './memory-redis.js'
import { seededRandom } from './seeded-random.js'
import { TestInstance } from './test-instance.js'
import { VirtualClock } from './virtual-clock.js'
import type { Latency, Wire } from './wire.js'

/** Options of `createTestGroup`. */
export interface TestGroupOptions<N extends ElectionNode = ElectionNode> {
  /** How many there are; they are called `n1`, `n2`, …. Default 3. */
  readonly instances?: number
  /**
   * `'system'`: time passes by itself, as for an app with requests over HTTP. `'virtual'`: it passes only in `advance`,
   * `until` and `settled`, as fast as the machine allows, and the same seed gives the same run. Default `'system'`.
   */
  readonly clock?: 'system' | 'virtual'
  /** Of everything that is left to chance. Default 1. */
  readonly seed?: number
  /** How long a message to Redis or back is under way, from and to, in ms. Default 0 to 1. */
  readonly latencyMs?: Latency
  /** Options of the nodes. Default: a lease of 1000 ms and a heartbeat every 200 ms. */
  readonly node?: Omit<NodeOptions, 'group' | 'name' | 'redis' | 'lease'> & {
    readonly lease?: { ttlMs?: number }
  }
  /** Called for each process before its node starts: attach an app to it. What it returns is called at its end. */
  readonly attach?: (instance: TestInstance<N>) => (() => void) | void
}

/** How long `until` and `settled` wait, in the group's time. */
const PATIENCE_MS = 60_000
const POLL_MS = 5

/** What a condition returns once it is met. */
type There<T> = NonNullable<Exclude<T, false>>

/**
 * A group of instances in one process, over a Redis in memory: the real nodes, and faults at will. For tests of what an
 * app does when its leader dies, stands still, or Redis loses its data. What a real Redis, BullMQ or network adds is not in
 * it: the twins of the stores are held to the real ones by a suite that runs on both.
 */
export class TestGroup<N extends ElectionNode> {
  readonly instances: readonly TestInstance<N>[]
  readonly #redis: MemoryRedis
  readonly #world: Clock

  /** Use `createTestGroup`. */
  constructor(
    { instances = 3, clock = 'system', seed = 1, latencyMs = [0, 1], attach = () => {} }: TestGroupOptions<N>,
    createNode: (name: string, boot: number, wire: Wire) => N,
  ) {
    const world =
      clock === 'virtual' ? new VirtualClock(seed) : { ...systemClock, random: seededRandom(seed) }
    this.#world = world
    this.#redis = new MemoryRedis(world)
    const surroundings = { world, redis: this.#redis, latencyMs, createNode, attach }
    this.instances = Array.from({ length: instances }, (_, i) => new TestInstance(`n${i + 1}`, surroundings))
  }

  /** The group's time, in ms since it was made. */
  get nowMs(): number {
    return this.#world.now()
  }

  /** The instance that leads and runs; undefined while there is none. */
  get leader(): TestInstance<N> | undefined {
    return this.instances.find((instance) => instance.running && !instance.paused && instance.node.isLeader)
  }

  /** Starts all that do not run yet. */
  async start(): Promise<void> {
    await this.settled(Promise.all(this.instances.map((instance) => instance.start())))
  }

  /** Waits until an instance leads. */
  led(): Promise<TestInstance<N>> {
    return this.until(() => this.leader)
  }

  /** SIGKILL for the leader. Returns what it was. */
  async killLeader(): Promise<TestInstance<N>> {
    const leader = await this.led()
    leader.kill()
    return leader
  }

  /** SIGSTOP for the leader, until its `resume`. Returns what it is. */
  async pauseLeader(): Promise<TestInstance<N>> {
    const leader = await this.led()
    leader.pause()
    return leader
  }

  /** The leader's next append takes place, but its reply is lost. Returns the leader. */
  async loseReply(): Promise<TestInstance<N>> {
    const leader = await this.led()
    leader.loseReply()
    return leader
  }

  /** FLUSHALL: Redis forgets everything; connections stand. */
  wipeRedis(): void {
    this.#redis.wipe()
  }

  /** A copy of what Redis has now, for `startRedis`. */
  saveRedis(): MemoryData {
    return this.#redis.save()
  }

  /** Redis dies. */
  stopRedis(): void {
    this.#redis.stop()
  }

  /** Redis starts again, with what it had, or with an older copy. */
  startRedis(data?: MemoryData): void {
    this.#redis.start(data)
  }

  /** Resolves once so much of the group's time has passed: for a load or a fault that runs beside what a test awaits. */
  sleep(ms: number): Promise<void> {
    return this.#world.sleep(ms)
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    if (this.#world instanceof VirtualClock) await this.#world.advance(ms)
    else await this.#world.sleep(ms)
  }

  /**
   * Lets time pass until `condition` returns something that is not false, undefined or null, and returns that.
   *
   * @throws Error if it does not within `withinMs`, default 60,000.
   */
  async until<T>(condition: () => T, withinMs = PATIENCE_MS): Promise<There<T>> {
    const world = this.#world
    const untilMs = world.now() + withinMs
    let value = condition()
    const isOver = () => {
      value = condition()
      return isThere(value) || world.now() > untilMs
    }
    if (!isThere(value)) {
      if (world instanceof VirtualClock) await world.run(isOver)
      else while (!isOver()) await world.sleep(POLL_MS)
    }
    if (isThere(value)) return value
    throw new Error(`Within ${withinMs} ms it did not come about: ${condition.toString()}`)
  }

  /**
   * Lets time pass until `promise` settles, as it does then.
   *
   * @throws Error if it does not within `withinMs`, default 60,000.
   */
  async settled<T>(promise: Promise<T>, withinMs = PATIENCE_MS): Promise<T> {
    let settled = false
    promise.then(
      () => (settled = true),
      () => (settled = true),
    )
    await this.until(() => settled, withinMs)
    return promise
  }

  /** Ends everything: goes on where it stood still, and stops all nodes. Never rejects. */
  async stop(): Promise<void> {
    if (this.#redis.down) this.#redis.start()
    await this.settled(Promise.all(this.instances.map((instance) => instance.stop())))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/**
 * Makes a group of instances of an app over a Redis in memory, for tests, and starts it.
 *
 * @throws OptionsError if the options of the nodes are wrong.
 * @example
 * ```ts
 * const group = await createTestGroup({ stateMachine: bank, instances: 3, clock: 'virtual' })
 * const { node } = await group.led()
 * await group.settled(node.write('deposit', { to: 'a', amount: 5 }))
 * await group.killLeader()
 * const heir = await group.led()
 * expect(heir.node.read((state) => state.accounts.a)).toBe(5)
 * await group.stop()
 * ```
 */
export function createTestGroup<S, C extends Commands<S>>(
  options: TestGroupOptions<ReplicatedNode<S, C>> & { stateMachine: StateMachineDefinition<S, C> },
): Promise<TestGroup<ReplicatedNode<S, C>>>
/** Makes a group of instances that only elect. */
export function createTestGroup(
  options?: TestGroupOptions & { stateMachine?: undefined },
): Promise<TestGroup<ElectionNode>>
export async function createTestGroup<S, C extends Commands<S>>(
  options: TestGroupOptions<never> & { stateMachine?: StateMachineDefinition<S, C> | undefined } = {},
): Promise<TestGroup<ElectionNode>> {
  const { stateMachine, node: nodeOptions } = options
  const group = new TestGroup<ElectionNode>(options as TestGroupOptions, (name, boot, wire) => {
    const resolved = {
      ...resolveOptions({
        heartbeatMs: 200,
        ...nodeOptions,
        lease: { ttlMs: 1000, ...nodeOptions?.lease },
        group: 'test',
        name,
        redis: 'redis://in.memory',
      }),
      id: `${name}-${boot}`, // not by chance: ties are broken by it
    }
    const createParts = () => createMemoryParts(resolved, wire)
    return stateMachine === undefined
      ? new ElectionNode(resolved, createParts, undefined)
      : new ReplicatedNode(resolved, createParts, new LocalState(stateMachine))
  })
  await group.start()
  return group
}

function isThere<T>(value: T): value is There<T> & T {
  return value !== false && value !== undefined && value !== null
}
